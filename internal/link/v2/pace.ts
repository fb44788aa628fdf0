import { limits } from '#messages/limits';

/** How much longer than its way a byte may take because others wait before it, and how many may wait on a short way. */
const queueMs = 40;
const queueBytes = 262_144;
/** As long as round trips are no longer than this over the shortest one, or than this share of it, nothing waits. */
const noQueueMs = 15;
const noQueueShare = 1 / 4;
/** How long a measured rate counts. */
const rateMs = 1_000;
const minWindow = 65_536;
/** Before anything was measured: at least so much, and as much as a way that passes so many bytes in a millisecond holds. */
const firstWindow = 262_144;
const firstBytesPerMs = 6_554;
const firstWindowMax = 1_048_576;
/** How many times as much as a burst had may be on its way once that burst has told how fast the way is. */
const leap = 64;
/** Whatever passes in less time may have been lucky. */
const leastMs = 2;
/** A first round trip of two programs that have just begun may take so long on the shortest way, which holds no more than this. */
export const coldMs = 4;
const shortWayMax = 2 * 1_048_576;
/** A queue on a way that passes fewer bytes in a millisecond is one to keep short. */
const slowBytesPerMs = 1_000;
/** One that passes more takes a long packet in a millisecond or so. */
const fastBytesPerMs = 50_000;

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
  /** What the acknowledgements of a burst say that the way holds. */
  #found = 0;

  /** Bytes per millisecond; 0 as long as nothing was measured. */
  get bytesPerMs(): number {
    return Math.max(this.#rate, this.#previousRate);
  }

  /** Whether the way is known to be one on which a long packet holds up the next one. */
  get isSlow(): boolean {
    return this.#hasSeenQueue && this.bytesPerMs < slowBytesPerMs;
  }

  /** Whether nobody has to wait long behind a long packet. */
  get isFast(): boolean {
    return this.bytesPerMs >= fastBytesPerMs;
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
    const isFirst = !Number.isFinite(this.minRttMs);
    this.minRttMs = Math.min(this.minRttMs, roundTripMs);
    if (wasFull && now - this.#periodStart > Math.max(rateMs, 4 * this.minRttMs)) {
      this.#periodStart = now;
      this.#previousRate = this.#rate;
      this.#rate = 0;
    }
    if (!wasFull && bytesPerMs <= this.bytesPerMs) {
      if (this.bytesPerMs === 0) this.window = this.#atFirst();
      return;
    }
    this.#rate = Math.max(this.#rate, bytesPerMs);
    const hasQueue = roundTripMs > this.minRttMs + Math.max(noQueueMs, noQueueShare * this.minRttMs);
    this.#hasSeenQueue ||= hasQueue;
    if (this.#hasSeenQueue) this.#found = 0;
    const wayBytes = this.bytesPerMs * this.minRttMs;
    // A queue that is short beside the way itself is not felt, and keeps a fast way busy when its ends are not.
    const waiting = Math.min(this.bytesPerMs * queueMs, Math.max(queueBytes, wayBytes));
    const bytes = Math.max(wayBytes * this.#gain(hasQueue), this.#found) + waiting;
    const window = Math.floor(Math.min(Math.max(bytes, minWindow), this.#most()));
    // A few bytes alone make it no shorter, unless the first round trip was theirs: it may have waited itself.
    this.window = wasFull || hasQueue || isFirst ? window : Math.max(this.window, window);
  }

  /**
   * So much, sent without waiting for the other end, was there this long after its first byte was sent. The way itself took
   * the shortest round trip of that, so in the rest all of it has passed: the way is so fast at least. The rate at which bytes
   * were sent and acknowledged grows only from one round trip to the next.
   */
  burst(byteCount: number, ms: number): void {
    if (this.#hasSeenQueue || !Number.isFinite(this.minRttMs)) return;
    const bytesPerMs = byteCount / Math.max(ms - this.minRttMs, leastMs);
    const window = Math.floor(Math.min(2 * bytesPerMs * this.minRttMs, leap * byteCount, this.#most()));
    if (window > this.window) this.window = this.#found = window;
  }

  #most(): number {
    return this.minRttMs < coldMs ? shortWayMax : limits.laneMax;
  }

  #atFirst(): number {
    return Math.floor(Math.max(firstWindow, Math.min(firstBytesPerMs * this.minRttMs, firstWindowMax)));
  }

  /** How often the way is filled: once beside a queue, and more as long as none is seen, to find how much it holds. */
  #gain(hasQueue: boolean): number {
    if (hasQueue) return 1;
    return this.#hasSeenQueue ? 2 : 4;
  }
}
