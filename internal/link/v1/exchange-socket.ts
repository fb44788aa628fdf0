import { Duplex } from 'node:stream';

/** Bytes on their way out from which on the library is asked to wait. */
const highWaterBytes = 65_536;

interface Outward {
  data(chunk: Buffer): void;
  ended(): void;
}

/**
 * Lets the websocket library run on an exchange instead of a socket. The first thing that the library writes is the
 * head of its handshake: that goes to `onHead` as text, and everything behind it outward as bytes.
 */
export class ExchangeSocket extends Duplex {
  readonly #onHead: (head: string) => void;
  readonly #onWanted: () => void;
  #outward: Outward | undefined;
  #head = '';
  #unconsumedBytes = 0;
  #release: (() => void) | undefined;

  /** `onWanted` is called when the library takes bytes again after `receive` returned false. */
  constructor({ onHead, onWanted }: { onHead: (head: string) => void; onWanted: () => void }) {
    // A library that has closed its side needs nothing more from the other one.
    super({ allowHalfOpen: false });
    this.#onHead = onHead;
    this.#onWanted = onWanted;
    // The websocket on it hears of every error too.
    this.on('error', () => undefined);
  }

  /** Names where the bytes behind the handshake go. To be called from within `onHead`, or never. */
  connect(outward: Outward): void {
    this.#outward = outward;
  }

  /** Bytes from the other end. False asks to hold further ones back. */
  receive(chunk: Buffer): boolean {
    return this.push(chunk);
  }

  /** The other end will send nothing more. */
  receiveEnd(): void {
    this.push(null);
  }

  /** That many bytes have been passed on at the other end. */
  consumed(byteCount: number): void {
    this.#unconsumedBytes -= byteCount;
    if (this.#unconsumedBytes >= highWaterBytes) return;
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }

  override _read(): void {
    this.#onWanted();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.#outward) {
      this.#head += chunk.toString('latin1');
      if (this.#head.includes('\r\n\r\n')) this.#onHead(this.#head);
      done();
      return;
    }
    this.#unconsumedBytes += chunk.length;
    this.#outward.data(chunk);
    if (this.#unconsumedBytes < highWaterBytes) done();
    else this.#release = done;
  }

  override _final(done: () => void): void {
    this.#outward?.ended();
    done();
  }
}
