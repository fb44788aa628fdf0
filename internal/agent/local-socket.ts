import { Socket, type SocketConstructorOpts } from 'node:net';
import type { Clock, Stop } from '#internal/core/clock';

/** How long until a full socket is asked again, first and at most; each time it is twice as long. */
const firstMs = 10;
const maxMs = 100;

/**
 * A connection to a local socket. Where more wait already than the service lets wait, Linux refuses it at once (EAGAIN),
 * though TCP would ask again. So does this: until it is connected, or destroyed.
 */
export class LocalSocket extends Socket {
  /** Node's own. */
  declare _handle: { close(): void } | null;
  readonly #path: string;
  readonly #clock: Clock;
  #delayMs = firstMs;
  #stopTimer: Stop | undefined;

  constructor(path: string, options: SocketConstructorOpts, clock: Clock) {
    super(options);
    this.#path = path;
    this.#clock = clock;
    this.connect(path);
  }

  override destroy(error?: NodeJS.ErrnoException): this {
    this.#stopTimer?.();
    // Nothing has gone wrong for what was written meanwhile: it waits for the connection.
    if (error?.code !== 'EAGAIN' || error.syscall !== 'connect') return super.destroy(error);
    // One that was refused once can be connected, but never read.
    this._handle?.close();
    this._handle = null;
    this.#stopTimer = this.#clock.after(this.#delayMs, () => this.connect(this.#path));
    this.#delayMs = Math.min(2 * this.#delayMs, maxMs);
    return this;
  }
}
