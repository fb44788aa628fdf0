import type { Clock, Stop } from '#internal/core/clock';
import type { Keeper, OriginConnection } from './origin-connection.ts';

/** How long a connection may have been idle for a request that must not be sent twice. */
const freshMs = 1_000;
const maxIdle = 256;
const sweepMs = 250;
/**
 * How long a new connection may wait for its first byte, and others be idle meanwhile. A service that serves one connection
 * at a time, as many simple ones do, would let it wait until the idle ones are closed.
 */
const crowdedMs = 200;
/** How long an idle connection has to stay open until the origin is one that leaves them open. */
const leftOpenMs = 200;
/** How soon a new connection is answered that only waited for room, once there is some. */
const roomMs = 50;
/** How often in a row that has to be seen: a service that took its time may have answered just then. */
const roomCount = 2;
/** How long none is kept by an origin that serves one connection at a time, and by one that has closed some unannounced. */
const keepsNoneMs = { crowded: 60_000, dropped: 5_000 };

/** The connections to an origin that wait for the next request. */
export class IdleConnections implements Keeper {
  readonly #clock: Clock;
  /** The one that was used last is at the end. */
  #idle: OriginConnection[] = [];
  /** Those that have not been put aside yet, and when they were made. */
  readonly #young = new Map<OriginConnection, number>();
  /** When idle ones were last closed for the sake of those that waited. */
  #madeRoomAt = Number.NEGATIVE_INFINITY;
  /** How often in a row that was what they waited for. */
  #roomHelped = 0;
  #keepsNoneUntil = Number.NEGATIVE_INFINITY;
  /** Whether the origin has left an idle connection open. Until then it may close each one behind its answer. */
  #leavesOpen = false;
  #stopSweep: Stop | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One that a request may take, if there is any. */
  take(isRepeatable: boolean): OriginConnection | undefined {
    const now = this.#clock.now();
    const maxIdleMs = isRepeatable ? Number.POSITIVE_INFINITY : this.#leavesOpen ? freshMs : 0;
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

  /** A new one has been made, for a request. */
  made(connection: OriginConnection): void {
    this.#young.set(connection, this.#clock.now());
    connection.socket.once('close', () => this.#young.delete(connection));
  }

  /** Puts one aside. */
  keep(connection: OriginConnection): void {
    const now = this.#clock.now();
    if (this.#young.size > 0) this.#served(connection, now);
    if (now < this.#keepsNoneUntil || this.#idle.length >= maxIdle) {
      connection.destroy();
      return;
    }
    connection.idleSince = now;
    this.#idle.push(connection);
    this.#stopSweep ??= this.#clock.every(sweepMs, () => this.#sweep());
  }

  dropped(connection: OriginConnection): void {
    const now = this.#clock.now();
    if (now - connection.idleSince >= freshMs) return;
    // So soon that it would happen to requests, too, which must not be sent again.
    this.#leavesOpen = false;
    this.#keepsNoneUntil = Math.max(this.#keepsNoneUntil, now + keepsNoneMs.dropped);
  }

  close(): void {
    this.#stopSweep?.();
    for (const connection of this.#idle) connection.destroy();
    this.#idle = [];
  }

  /** If it waited, and was served as soon as there was room, that was what it waited for. */
  #served(connection: OriginConnection, now: number): void {
    const madeAt = this.#young.get(connection);
    this.#young.delete(connection);
    if (madeAt === undefined || madeAt >= this.#madeRoomAt) return;
    this.#roomHelped = now - this.#madeRoomAt < roomMs ? this.#roomHelped + 1 : 0;
    if (this.#roomHelped < roomCount) return;
    this.#roomHelped = 0;
    this.#keepsNoneUntil = now + keepsNoneMs.crowded;
  }

  #sweep(): void {
    const now = this.#clock.now();
    const isCrowded = this.#isCrowded(now);
    const mostMs = isCrowded ? crowdedMs : Number.POSITIVE_INFINITY;
    const expired = this.#idle.filter(({ idleSince, idleMs }) => now - idleSince >= Math.min(idleMs, mostMs));
    if (isCrowded && expired.length > 0) this.#madeRoomAt = now;
    this.#idle = this.#idle.filter((connection) => connection.isUsable && !expired.includes(connection));
    for (const connection of expired) connection.destroy();
    const [oldest] = this.#idle;
    if (oldest && now - oldest.idleSince >= leftOpenMs) this.#leavesOpen = true;
    if (this.#idle.length > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }

  /** Whether a new connection waits as if the origin had not taken it yet. */
  #isCrowded(now: number): boolean {
    for (const [connection, madeAt] of this.#young) {
      if (!connection.hasAnswered && now - madeAt >= crowdedMs) return true;
    }
    return false;
  }
}
