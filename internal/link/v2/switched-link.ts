import type { PacketLink } from './packet-link.ts';

type Sending = Pick<PacketLink, 'send' | 'isWritable'>;

/** What lanes send on: the link of the moment, or none, and then nothing is sent. Lanes keep what may be lost. */
export class SwitchedLink implements Sending {
  link: Sending | undefined;

  send(packet: Buffer): void {
    this.link?.send(packet);
  }

  get isWritable(): boolean {
    return this.link?.isWritable ?? false;
  }
}
