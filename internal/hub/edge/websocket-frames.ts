import { randomBytes } from 'node:crypto';

const closeOpcode = 0x8;

/** Follows one direction of a websocket from one frame header to the next (RFC 6455 §5.2); payloads are hopped over. */
export class WebsocketFrames {
  /** Bytes of the present frame's header that have come, and how many it has without the masking key; 0 between frames. */
  #headerCount = 0;
  #headerBytes = 2;
  #opcode = 0;
  #payloadBytes = 0;
  #maskBytes = 0;
  /** What is still to come behind the header. */
  #leftBytes = 0;
  #hasClosed = false;

  /** Whether a frame has begun and not ended. */
  get isInFrame(): boolean {
    return this.#headerCount > 0 && !this.#hasClosed;
  }

  /** Whether a close frame has passed: nothing may follow it. */
  get hasClosed(): boolean {
    return this.#hasClosed;
  }

  /** Follows all of a chunk. */
  follow(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#hasClosed; ) at = this.#step(chunk, at);
  }

  /** Follows a chunk up to the end of the frame that is under way. Gives how many of its bytes belong to that. */
  followToEnd(chunk: Buffer): number {
    return this.isInFrame ? this.#step(chunk, 0) : 0;
  }

  /** Goes on to the end of one frame, or of the chunk. */
  #step(chunk: Buffer, from: number): number {
    let at = from;
    while (this.#headerCount < this.#headerBytes) {
      if (at === chunk.length) return at;
      this.#header(chunk[at] as number);
      at += 1;
    }
    const count = Math.min(this.#leftBytes, chunk.length - at);
    this.#leftBytes -= count;
    if (this.#leftBytes === 0) {
      this.#hasClosed = this.#opcode === closeOpcode;
      this.#headerCount = 0;
      this.#headerBytes = 2;
    }
    return at + count;
  }

  #header(byte: number): void {
    if (this.#headerCount === 0) this.#opcode = byte & 0x0f;
    else if (this.#headerCount === 1) {
      const length = byte & 0x7f;
      this.#maskBytes = byte & 0x80 ? 4 : 0;
      this.#headerBytes = length === 127 ? 10 : length === 126 ? 4 : 2;
      this.#payloadBytes = length < 126 ? length : 0;
    } else this.#payloadBytes = this.#payloadBytes * 256 + byte;
    this.#headerCount += 1;
    if (this.#headerCount === this.#headerBytes) this.#leftBytes = this.#payloadBytes + this.#maskBytes;
  }
}

/** A close frame. Those towards a server are masked; the reason is short ASCII. */
export function closeFrame(code: number, reason: string, { isMasked }: { isMasked: boolean }): Buffer {
  const payload = Buffer.from(`\0\0${reason}`, 'latin1');
  payload.writeUInt16BE(code);
  const header = Buffer.from([0x80 | closeOpcode, (isMasked ? 0x80 : 0) | payload.length]);
  if (!isMasked) return Buffer.concat([header, payload]);
  const mask = randomBytes(4);
  const masked = payload.map((byte, i) => byte ^ (mask[i % 4] as number));
  return Buffer.concat([header, mask, masked]);
}
