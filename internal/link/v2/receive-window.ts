import { limits } from '#messages/limits';

/** Bytes that may be granted beyond the first window of each stream: of a session, within those of its process. */
export class WindowBudget {
  readonly #maxBytes: number;
  readonly #parent: WindowBudget | undefined;
  #takenBytes = 0;

  constructor(maxBytes: number, parent?: WindowBudget) {
    this.#maxBytes = maxBytes;
    this.#parent = parent;
  }

  /** Takes as much of `byteCount` as is left. */
  take(byteCount: number): number {
    const own = Math.max(0, Math.min(byteCount, this.#maxBytes - this.#takenBytes));
    const taken = this.#parent ? this.#parent.take(own) : own;
    this.#takenBytes += taken;
    return taken;
  }

  release(byteCount: number): void {
    this.#takenBytes -= byteCount;
    this.#parent?.release(byteCount);
  }
}

/**
 * How much the other end of a stream may send. Grants are absolute, and made when bytes were consumed: a stream that
 * nobody reads holds no more than its window. The window grows while it is what limits the stream.
 */
export class ReceiveWindow {
  readonly #budget: WindowBudget;
  #window: number = limits.streamWindow;
  #limit: number = limits.streamWindow;
  #received = 0;
  #consumed = 0;
  #grantedAt: number;

  constructor(budget: WindowBudget, now: number) {
    this.#budget = budget;
    this.#grantedAt = now;
  }

  /** Counts received bytes. False: they are more than were granted. */
  receive(byteCount: number): boolean {
    this.#received += byteCount;
    return this.#received <= this.#limit;
  }

  /** Counts consumed bytes. Gives the new limit when it is worth telling. */
  consume(byteCount: number, now: number, rttMs: number): number | undefined {
    this.#consumed += byteCount;
    const sinceGrant = this.#consumed - (this.#limit - this.#window);
    if (sinceGrant < this.#window / 2) return undefined;
    this.#grow(now - this.#grantedAt, Number.isFinite(rttMs) ? rttMs : 0);
    this.#grantedAt = now;
    this.#limit = this.#consumed + this.#window;
    return this.#limit;
  }

  close(): void {
    this.#budget.release(this.#window - limits.streamWindow);
    this.#window = limits.streamWindow;
  }

  /**
   * A sender that waits for each grant is granted a window in a round trip, or half of one twice. One that is granted less
   * often has enough. What the system takes for a visitor that does not read at all looks like consumption at first: until more
   * was consumed than that, a window is no longer than the way asks for.
   */
  #grow(elapsedMs: number, rttMs: number): void {
    if (elapsedMs > limitedShare * (rttMs + busyMs)) return;
    const isProven = this.#consumed > systemBytes;
    // A long way would take seconds to be found in small steps.
    const wanted = Math.min(isProven ? 2 * this.#window : unprovenWindow(rttMs), limits.streamWindowMax);
    if (wanted > this.#window) this.#window += this.#budget.take(Math.floor(wanted - this.#window));
  }
}

function unprovenWindow(rttMs: number): number {
  return Math.max(rttMs * unprovenBytesPerMs, 2 * limits.streamWindow);
}

/** How many round trips may pass between two grants of a stream that its window limits. */
const limitedShare = 1.5;
/** An end may be busy with something else for so long. */
const busyMs = 1;
/** What the systems' buffers on a visitor's way take in all. */
const systemBytes = 8 * 1_048_576;
/** As fast a way as is believed in without having seen it. */
const unprovenBytesPerMs = 65_536;
