import { limits } from '#messages/limits';
import { coldMs } from './pace.ts';

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
  #early: WindowBudget | undefined;
  #earlyBytes = 0;
  #received = 0;
  #consumed = 0;
  /** What had been consumed when it was last seen whether the window is long enough, and when that was. */
  #consumedBefore = 0;
  #seenAt: number;

  constructor(budget: WindowBudget, now: number) {
    this.#budget = budget;
    this.#seenAt = now;
  }

  /**
   * Opens the window as far as a way of that length asks for, before anything has come. Gives the limit to be told, if the
   * way is long enough and `early`, out of which that is taken besides, has something left.
   */
  foresee(rttMs: number, early: WindowBudget): number | undefined {
    const wanted = Math.min(unprovenWindow(rttMs), limits.streamWindowMax) - this.#window;
    if (!Number.isFinite(rttMs) || wanted < leastForeseen) return undefined;
    const offered = early.take(Math.floor(wanted));
    const taken = this.#budget.take(offered);
    early.release(offered - taken);
    this.#early = early;
    this.#earlyBytes = taken;
    this.#window += taken;
    this.#limit += taken;
    return taken > 0 ? this.#limit : undefined;
  }

  /** Counts received bytes. False: they are more than were granted. */
  receive(byteCount: number): boolean {
    this.#received += byteCount;
    return this.#received <= this.#limit;
  }

  /** Counts consumed bytes. Gives the new limit when it is worth telling. */
  consume(byteCount: number, now: number, rttMs: number): number | undefined {
    this.#consumed += byteCount;
    if (this.#consumed - this.#consumedBefore >= this.#window / 2) {
      this.#grow(now - this.#seenAt, Number.isFinite(rttMs) ? rttMs : 0);
      this.#seenAt = now;
      this.#consumedBefore = this.#consumed;
    }
    const limit = this.#consumed + this.#window;
    if (limit - this.#limit < Math.min(this.#window / 2, maxGrant)) return undefined;
    this.#limit = limit;
    return limit;
  }

  close(): void {
    this.#budget.release(this.#window - limits.streamWindow);
    this.#early?.release(this.#earlyBytes);
    this.#early = undefined;
    this.#window = limits.streamWindow;
  }

  /**
   * Of a sender that waits for each grant, half a window or more is consumed in a round trip. One that sends less has
   * enough. What the system takes for a visitor that does not read at all looks like consumption at first: until more was
   * consumed than that, a window is no longer than the way asks for.
   */
  #grow(elapsedMs: number, rttMs: number): void {
    if (elapsedMs > limitedShare * (rttMs + busyMs)) return;
    const isProven = this.#consumed > systemBytes;
    // A long way would take seconds to be found in small steps.
    const wanted = Math.min(isProven ? 4 * this.#window : unprovenWindow(rttMs), limits.streamWindowMax);
    if (wanted > this.#window) this.#window += this.#budget.take(Math.floor(wanted - this.#window));
  }
}

function unprovenWindow(rttMs: number): number {
  return Math.max((rttMs - coldMs) * unprovenBytesPerMs, limits.streamWindow);
}

/** For less than that it is not worth it: what is asked for in small steps comes soon enough. */
const leastForeseen = 524_288;
/** So much is granted at once, else the other end of a long way sends in bursts, and waits between them. */
const maxGrant = 1_048_576;
/** How many round trips may pass between two grants of a stream that its window limits. */
const limitedShare = 1.5;
/** An end may be busy with something else for so long. */
const busyMs = 1;
/** What the systems' buffers on a visitor's way take in all. */
const systemBytes = 8 * 1_048_576;
/** As fast a way as is believed in without having seen it. */
const unprovenBytesPerMs = 327_680;
