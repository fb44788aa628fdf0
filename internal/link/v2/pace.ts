import { limits } from '#messages/limits';

/** How much longer than its way a byte may take because others wait before it, and how many may wait at most. */
const queueMs = 40;
const queueBytes = 524_288;
/** As long as round trips are no longer than this over the shortest one, nothing waits on the way. */
const noQueueMs = 15;
/** How long a measured rate counts. */
const rateMs = 1_000;
const minWindow = 65_536;
const firstWindow = 262_144;
/** How many times as much may be on its way once acknowledgements have told how fast the way is. */
const leap = 32;

/**
 * Finds how many bytes may be on their way in a lane: as many as the way holds, and what passes in 40 ms more. The
 * system's own buffers take megabytes in which a small request would wait behind a download, so neither its word nor
 * that of the websocket is enough; what counts is when the other end has acknowledged what.
 */
export class Pace {
  /** The shortest round trip so far, in milliseconds. */
  minRttMs = Number.POSITIVE_INFINITY;
  /** Bytes that may be on their way: a whole number, since frames are cut by it. */
  window = firstWindow;
  /** The best rates, in bytes per millisecond, of this period and of the one before. */
  #rate = 0;
  #previousRate = 0;
  #periodStart = 0;
  #hasSeenQueue = false;
  /** What the acknowledgements of a burst say that the way holds, and until when that has yet to be tried. */
  #found = 0;
  #landsAt = 0;

  /** Bytes per millisecond; 0 as long as nothing was measured. */
  get bytesPerMs(): number {
    return Math.max(this.#rate, this.#previousRate);
  }

  /**
   * A packet was acknowledged: how long its round trip took, and what was delivered in the meantime. `wasFull` says that
   * the way was used as far as it goes: what is measured while there was little to send is no reason to slow down.
   */
  acknowledged(
    now: number,
    { rttMs, bytesPerMs, wasFull }: { rttMs: number; bytesPerMs: number; wasFull: boolean },
  ): void {
    const roundTripMs = Math.max(rttMs, 0);
    this.minRttMs = Math.min(this.minRttMs, roundTripMs);
    if (wasFull && now - this.#periodStart > Math.max(rateMs, 4 * this.minRttMs)) {
      this.#periodStart = now;
      this.#previousRate = this.#rate;
      this.#rate = 0;
    }
    if (!wasFull && bytesPerMs <= this.bytesPerMs) return;
    this.#rate = Math.max(this.#rate, bytesPerMs);
    const hasQueue = roundTripMs > this.minRttMs + noQueueMs;
    this.#hasSeenQueue ||= hasQueue;
    if (this.#hasSeenQueue) this.#found = 0;
    const wayBytes = Math.max(this.bytesPerMs * this.minRttMs * this.#gain(hasQueue), this.#found);
    const bytes = wayBytes + Math.min(this.bytesPerMs * queueMs, queueBytes);
    // A whole number, since positions in buffers are computed from it.
    this.window = Math.floor(Math.min(Math.max(bytes, minWindow), limits.laneMax));
  }

  /**
   * A burst, sent without a break, has come out of the way at this rate: so fast the way is, known one round trip after its
   * first bytes. The rate at which bytes were sent and acknowledged grows only from one round trip to the next.
   */
  burst(now: number, bytesPerMs: number): void {
    if (this.#hasSeenQueue || now < this.#landsAt || !Number.isFinite(this.minRttMs)) return;
    const window = Math.floor(Math.min(bytesPerMs * this.minRttMs, leap * this.window, limits.laneMax));
    if (window <= this.window) return;
    this.window = this.#found = window;
    this.#landsAt = now + this.minRttMs;
  }

  /** How often the way is filled: once beside a queue, and more as long as none is seen, to find how much it holds. */
  #gain(hasQueue: boolean): number {
    if (hasQueue) return 1;
    return this.#hasSeenQueue ? 2 : 4;
  }
}
