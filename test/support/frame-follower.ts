/** Follows the frames of a websocket through one direction of a connection. */
export class FrameFollower {
  /** The end of the handshake, as far as it has come. */
  #head: string | undefined = '';
  /** Bytes of the present frame's header, as far as they have come. */
  #header: number[] = [];
  #payloadLeft = 0;

  /** Takes what passes next. Gives the first index in it at which a frame begins, or -1. */
  next(chunk: Buffer): number {
    let first = -1;
    let at = this.#handshake(chunk);
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const step = Math.min(this.#payloadLeft, chunk.length - at);
        this.#payloadLeft -= step;
        at += step;
        continue;
      }
      if (this.#header.length === 0 && first === -1) first = at;
      this.#header.push(chunk[at] as number);
      at += 1;
      this.#readHeader();
    }
    return first;
  }

  /** Gives the index at which the handshake is over. */
  #handshake(chunk: Buffer): number {
    if (this.#head === undefined) return 0;
    const before = this.#head.length;
    const text = this.#head + chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    this.#head = end === -1 ? text.slice(-3) : undefined;
    return end === -1 ? chunk.length : end + 4 - before;
  }

  #readHeader(): void {
    const [, second = 0] = this.#header;
    const length = second & 0x7f;
    const lengthBytes = length === 127 ? 8 : length === 126 ? 2 : 0;
    const maskBytes = second >= 0x80 ? 4 : 0;
    if (this.#header.length < 2 + lengthBytes + maskBytes) return;
    const extended = this.#header.slice(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
    this.#payloadLeft = lengthBytes > 0 ? extended : length;
    this.#header = [];
  }
}
