import type { Clock, Stop } from '#internal/core/clock';

/** How often the other side is asked for a sign of life, and how long we may be silent before we give one. */
export const pingAfterMs = 10_000;
/** A side that was silent for this long is gone: found within 20 s of its last byte, since it is looked for each second. */
export const deadAfterMs = 17_500;
/** A side that was silent for this long after an urgent question is gone. */
const urgentMs = 3_000;

interface Pulse {
  /** We have sent nothing for {@link pingAfterMs}. */
  quiet?(): void;
  /** A sign of life is to be asked for: each {@link pingAfterMs}, since round trips are measured by it, and when urged. */
  unheard(): void;
  /** We have heard nothing for {@link deadAfterMs}, or for 3 s after an urgent question. */
  dead(): void;
  /** Bytes ever read; any growth is life. */
  receivedBytes(): number;
}

/** Watches one link's silence in both directions, once a second. */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #pulse: Pulse;
  readonly #stop: Stop;
  #sentAt: number;
  #heardAt: number;
  #askedAt: number;
  #receivedBytes: number;
  #stopUrgent: Stop | undefined;

  constructor(clock: Clock, pulse: Pulse) {
    this.#clock = clock;
    this.#pulse = pulse;
    this.#sentAt = this.#heardAt = this.#askedAt = clock.now();
    this.#receivedBytes = pulse.receivedBytes();
    this.#stop = clock.every(1_000, () => this.#check());
  }

  /** Something was sent now. */
  sent(): void {
    this.#sentAt = this.#clock.now();
  }

  /** There is reason to doubt the link: asks now, and gives it up unless a byte comes soon. */
  urge(): void {
    this.#pulse.unheard();
    if (this.#stopUrgent) return;
    const receivedBytes = this.#pulse.receivedBytes();
    this.#stopUrgent = this.#clock.after(urgentMs, () => {
      this.#stopUrgent = undefined;
      if (this.#pulse.receivedBytes() === receivedBytes) this.#die();
    });
  }

  stop(): void {
    this.#stop();
    this.#stopUrgent?.();
  }

  #die(): void {
    this.stop();
    this.#pulse.dead();
  }

  #check(): void {
    const now = this.#clock.now();
    const receivedBytes = this.#pulse.receivedBytes();
    if (receivedBytes !== this.#receivedBytes) {
      this.#receivedBytes = receivedBytes;
      this.#heardAt = now;
    }
    if (now - this.#heardAt >= deadAfterMs) {
      this.#die();
      return;
    }
    if (now - this.#askedAt >= pingAfterMs) {
      this.#askedAt = now;
      this.#pulse.unheard();
    }
    if (now - this.#sentAt >= pingAfterMs) {
      this.#sentAt = now;
      this.#pulse.quiet?.();
    }
  }
}
