import type { Socket } from 'node:net';

/** What a stretch of network does to what passes it, the same in each direction. */
export interface Way {
  delayMs?: number;
  bytesPerSecond?: number;
  /** The most that is on its way in each direction; without it as much as comes within the delay. */
  inFlightBytes?: number;
}

/** What a router holds of what can't leave yet. */
const routerBytes = 65_536;
const sliceBytes = 1_448 * 4;

/** Hands a chunk on. */
type Deliver = (to: Socket, chunk: Buffer) => void;

/**
 * One direction of a connection. What it carries leaves at the given rate, in order, and arrives after the delay. Of what
 * can't leave yet it holds as much as a router would; then it stops to read, and TCP passes that on.
 */
export class RelayPipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #way: Required<Way>;
  readonly #deliver: Deliver;
  /** In the order of arrival; the last one, without a chunk, is the end. */
  readonly #queue: { at: number; chunk: Buffer | undefined }[] = [];
  #departure = 0;
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isHeld = false;
  #isEnded = false;

  constructor(from: Socket, to: Socket, way: Way, deliver: Deliver) {
    this.#from = from;
    this.#to = to;
    this.#way = { delayMs: 0, bytesPerSecond: 0, inFlightBytes: 0, ...way };
    this.#deliver = deliver;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.once('end', () => this.end());
    to.on('drain', () => this.#flush());
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#queue.push({ at: Math.max(this.#departure, performance.now()) + this.#way.delayMs, chunk: undefined });
    this.#flush();
  }

  /** Keeps what comes from now on, the end included, until it is released. */
  hold(): void {
    this.#isHeld = true;
    this.#from.pause();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  release(): void {
    this.#isHeld = false;
    this.#from.resume();
    this.#flush();
  }

  /** What comes from now on takes so long. */
  slowTo(delayMs: number): void {
    this.#way.delayMs = delayMs;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  #take(chunk: Buffer): void {
    const { delayMs, bytesPerSecond, inFlightBytes } = this.#way;
    const step = delayMs === 0 && bytesPerSecond === 0 ? chunk.length : sliceBytes;
    for (let i = 0; i < chunk.length; i += step) this.#push(chunk.subarray(i, i + step));
    this.#flush();
    if (inFlightBytes > 0 && this.#queuedBytes >= inFlightBytes) this.#from.pause();
    const waitingMs = this.#departure - performance.now();
    if (bytesPerSecond === 0 || (waitingMs / 1_000) * bytesPerSecond <= routerBytes) return;
    this.#from.pause();
    const resumeMs = waitingMs - (routerBytes / 2 / bytesPerSecond) * 1_000;
    setTimeout(() => this.#isHeld || this.#from.resume(), resumeMs);
  }

  #push(chunk: Buffer): void {
    const { delayMs, bytesPerSecond } = this.#way;
    this.#departure = Math.max(this.#departure, performance.now());
    if (bytesPerSecond > 0) this.#departure += (chunk.length / bytesPerSecond) * 1_000;
    this.#queue.push({ at: this.#departure + delayMs, chunk });
    this.#queuedBytes += chunk.length;
  }

  #flush(): void {
    if (this.#isHeld) return;
    const { delayMs, bytesPerSecond, inFlightBytes } = this.#way;
    const due = delayMs === 0 && bytesPerSecond === 0 ? Number.POSITIVE_INFINITY : performance.now() + 0.5;
    while ((this.#queue[0]?.at ?? Number.POSITIVE_INFINITY) <= due && this.#queue.length > 0) {
      if (this.#to.writableNeedDrain) {
        this.#from.pause();
        return;
      }
      const { chunk } = this.#queue.shift() as { chunk: Buffer | undefined };
      if (chunk) {
        this.#queuedBytes -= chunk.length;
        this.#deliver(this.#to, chunk);
      } else this.#to.end();
    }
    if (this.#from.isPaused() && (inFlightBytes === 0 || this.#queuedBytes < inFlightBytes) && !this.#isBehind()) {
      this.#from.resume();
    }
    const next = this.#queue[0];
    if (next) this.#timer ??= setTimeout(() => this.#due(), Math.max(1, next.at - performance.now()));
  }

  #due(): void {
    this.#timer = undefined;
    this.#flush();
  }

  /** Whether a router could hold no more. */
  #isBehind(): boolean {
    const waitingMs = this.#departure - performance.now();
    return (waitingMs / 1_000) * this.#way.bytesPerSecond > routerBytes / 2;
  }
}
