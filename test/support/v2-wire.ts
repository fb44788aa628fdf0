import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '#internal/core/clock';
import { silentLog } from '#internal/core/log';
import { Mux } from '#internal/link/v2/mux';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { batchHeaderBytes, frameHeaderBytes, frameTypes, packetKinds } from '#messages/v2';
import { FakeClock } from './fake-clock.ts';
import { silentHandler } from './stream-origin.ts';
import { pairNode } from './v2-pair.ts';

export interface Frame {
  type: number;
  id: number;
  payload: Buffer;
}

export interface Batch {
  kind: number;
  node: string;
  epoch: number;
  seq: number;
  ack: number;
  frames: Buffer;
}

/** Writes a frame as the page of the wire has it, without the product's own writer. */
export function frame(type: number, id: number, payload: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(payload as string, 'latin1');
  const header = Buffer.alloc(frameHeaderBytes);
  header[0] = type;
  header.writeUInt32BE(id, 1);
  header.writeUIntBE(bytes.length, 5, 3);
  return Buffer.concat([header, bytes]);
}

export function openFrame(id: number, head = 'GET / HTTP/1.1\r\n\r\n', kind = 0): Buffer {
  const header = Buffer.from([0, 0, kind, 0, 0, 0x75, 0x30]);
  return frame(frameTypes.open, id, Buffer.concat([header, Buffer.from(head, 'latin1')]));
}

export function creditFrame(id: number, limit: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUIntBE(limit, 0, 6);
  return frame(frameTypes.credit, id, payload);
}

export function batch({
  kind = packetKinds.batch,
  node = pairNode,
  epoch = 1,
  seq = 0,
  ack = 0,
  frames,
}: Partial<Batch>) {
  const content = frames ?? Buffer.alloc(0);
  const header = Buffer.alloc(batchHeaderBytes);
  header[0] = kind;
  header.write(node, 1, 'hex');
  header.writeUInt32BE(epoch, 9);
  header.writeUIntBE(seq, 13, 6);
  header.writeUIntBE(ack, 19, 6);
  header.writeUIntBE(content.length, 26, 3);
  return Buffer.concat([header, content]);
}

export function readBatch(packet: Buffer): Batch {
  return {
    kind: packet[0] as number,
    node: packet.toString('hex', 1, 9),
    epoch: packet.readUInt32BE(9),
    seq: packet.readUIntBE(13, 6),
    ack: packet.readUIntBE(19, 6),
    // A network has copied it before its sender uses the buffer again.
    frames: Buffer.from(packet.subarray(batchHeaderBytes)),
  };
}

export function readFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + frameHeaderBytes + bytes.readUIntBE(at + 5, 3);
    const payload = bytes.subarray(at + frameHeaderBytes, end);
    frames.push({ type: bytes[at] as number, id: bytes.readUInt32BE(at + 1), payload });
    at = end;
  }
  return frames;
}

/** Whether all that was granted beyond first windows has been given back. */
export function isUntouched(budget: WindowBudget): boolean {
  const taken = budget.take(limits.sessionWindows);
  budget.release(taken);
  return taken === limits.sessionWindows;
}

export interface LoneMuxOptions {
  side?: 'hub' | 'agent';
  start?: number;
  clock?: Clock;
  maxStreams?: number;
  accept?: ConstructorParameters<typeof Mux>[1]['accept'];
}

/** One mux, whose other end the test plays itself. */
export class LoneMux {
  readonly mux: Mux;
  readonly budget = new WindowBudget(limits.sessionWindows);
  readonly link: { send(packet: Buffer): void; isWritable: boolean; rttMs?: number };
  /** What was sent, batch by batch. */
  readonly batches: Batch[] = [];
  strayCount = 0;
  idleCount = 0;
  #seq = 0;
  #takenCount = 0;

  constructor({ side = 'hub', start = 0, clock = new FakeClock(), maxStreams = 1_000, accept }: LoneMuxOptions = {}) {
    this.link = { isWritable: true, send: (packet) => this.batches.push(readBatch(packet)) };
    const options = { node: pairNode, epoch: 1, start, side, maxStreams };
    this.mux = new Mux(options, {
      clock,
      log: silentLog,
      link: this.link,
      budget: this.budget,
      accept: accept ?? (() => silentHandler),
      onIdle: () => {
        this.idleCount += 1;
      },
      onStrayFrame: () => {
        this.strayCount += 1;
      },
    });
  }

  /** What the other end sends. It has received everything, unless `ack` says otherwise. */
  receive(frames: Buffer[], ack = this.sentBytes): void {
    for (const bytes of frames.length > 0 ? frames : [Buffer.alloc(0)]) {
      this.mux.receive(batch({ seq: this.#seq, ack, frames: bytes }));
      this.#seq += bytes.length;
    }
  }

  get sentBytes(): number {
    return Math.max(0, ...this.batches.map(({ seq, frames }) => seq + frames.length));
  }

  get frames(): Frame[] {
    return this.batches.flatMap(({ frames }) => readFrames(frames));
  }

  /** The frames sent so far as `type:stream`. */
  get order(): string[] {
    return this.frames.map(({ type, id }) => `${frameNames.get(type)}:${id}`);
  }

  /** What was sent since this was asked last. */
  takeFrames(): Buffer[] {
    const taken = this.batches.slice(this.#takenCount).map(({ frames }) => frames);
    this.#takenCount = this.batches.length;
    return taken.filter(({ length }) => length > 0);
  }

  /** Lets it send what it has. */
  async settle(): Promise<void> {
    await turn();
    await turn();
  }
}

const frameNames = new Map<number, string>(Object.entries(frameTypes).map(([name, type]) => [type, name]));
