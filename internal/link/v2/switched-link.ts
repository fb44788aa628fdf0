import type { Packet } from './packet.ts';
import type { SendingLink } from './packet-link.ts';

/** What lanes send on: the link of the moment, or none, and then nothing is sent. Lanes keep what may be lost. */
export class SwitchedLink implements SendingLink {
  link: SendingLink | undefined;

  send(packet: Packet): void {
    this.link?.send(packet);
  }

  get isWritable(): boolean {
    return this.link?.isWritable ?? false;
  }

  get rttMs(): number {
    return this.link?.rttMs ?? Number.POSITIVE_INFINITY;
  }
}
