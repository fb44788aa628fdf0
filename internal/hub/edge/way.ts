import { closeFrame, WebsocketFrames } from './websocket-frames.ts';

/** One direction of an upgraded connection. */
export interface Way {
  write(chunk: Buffer): void;
  end(): void;
}

/** A direction of a websocket, which can be closed between two frames. */
export class WebsocketWay implements Way {
  readonly #way: Way;
  readonly #isMasked: boolean;
  readonly #frames = new WebsocketFrames();
  #closeFrame: Buffer | undefined;
  #hasEnded = false;

  /** `isMasked`: whether it leads to a server. */
  constructor(way: Way, { isMasked }: { isMasked: boolean }) {
    this.#way = way;
    this.#isMasked = isMasked;
  }

  /** Whether a frame has begun and not ended. */
  get isInFrame(): boolean {
    return this.#frames.isInFrame;
  }

  write(chunk: Buffer): void {
    if (this.#hasEnded) return;
    if (!this.#closeFrame) {
      this.#frames.follow(chunk);
      this.#way.write(chunk);
      return;
    }
    this.#way.write(chunk.subarray(0, this.#frames.followToEnd(chunk)));
    this.#closeIfBetweenFrames();
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#way.end();
  }

  /** Ends it by a close frame behind the frame that is under way; what comes behind that is dropped. */
  close(code: number, reason: string): void {
    this.#closeFrame ??= closeFrame(code, reason, { isMasked: this.#isMasked });
    this.#closeIfBetweenFrames();
  }

  #closeIfBetweenFrames(): void {
    if (!this.#closeFrame || this.#hasEnded || this.isInFrame) return;
    // Room may be told of while this is written, and more come.
    this.#hasEnded = true;
    if (!this.#frames.hasClosed) this.#way.write(this.#closeFrame);
    this.#way.end();
  }
}
