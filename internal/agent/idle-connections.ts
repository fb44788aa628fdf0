import type { Clock, Stop } from '#internal/core/clock';
import type { OriginConnection } from './origin-connection.ts';

/** How long a connection may have been idle for a request that must not be sent twice. */
const freshMs = 1_000;
const maxIdle = 256;

/** The connections to an origin that wait for the next request. */
export class IdleConnections {
  readonly #clock: Clock;
  /** The one that was used last is at the end. */
  #idle: OriginConnection[] = [];
  #stopSweep: Stop | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One that a request may take, if there is any. */
  take(isRepeatable: boolean): OriginConnection | undefined {
    const now = this.#clock.now();
    const maxIdleMs = isRepeatable ? Number.POSITIVE_INFINITY : freshMs;
    for (let found = this.#idle.pop(); found; found = this.#idle.pop()) {
      const wasIdleMs = now - found.idleSince;
      if (found.isUsable && wasIdleMs < Math.min(found.idleMs, maxIdleMs)) return found;
      // The others have been idle for even longer, which may still do for another request.
      if (found.isUsable && wasIdleMs < found.idleMs) {
        this.#idle.push(found);
        break;
      }
      found.destroy();
    }
    return undefined;
  }

  /** Puts one aside. */
  keep(connection: OriginConnection): void {
    if (this.#idle.length >= maxIdle) {
      connection.destroy();
      return;
    }
    connection.idleSince = this.#clock.now();
    this.#idle.push(connection);
    this.#stopSweep ??= this.#clock.every(1_000, () => this.#sweep());
  }

  close(): void {
    this.#stopSweep?.();
    for (const connection of this.#idle) connection.destroy();
    this.#idle = [];
  }

  #sweep(): void {
    const now = this.#clock.now();
    const expired = this.#idle.filter((connection) => now - connection.idleSince >= connection.idleMs);
    this.#idle = this.#idle.filter((connection) => connection.isUsable && !expired.includes(connection));
    for (const connection of expired) connection.destroy();
    if (this.#idle.length > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }
}
