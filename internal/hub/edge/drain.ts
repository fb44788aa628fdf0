import type { Clock } from '#internal/core/clock';
import type { UnderWay } from './under-way.ts';

/** So long new visitors are taken at least, so that whoever asks once a second whether the hub is ready has noticed. */
const noticeMs = 3_000;
/** And until no request has come for this long. */
const quietMs = 1_000;
/** Without a visitor for this long there is nobody who has to notice. */
const recentMs = 5_000;
/** What requests that came last have left of the drain time; no more than half of it. */
const lastMs = 5_000;
/** How often it is looked whether something is over. */
const lookMs = 50;

/** The listener, as far as it is drained. */
export interface Drained {
  /** Visitors' connections that are open. */
  readonly visitorCount: number;
  /** Takes no new connections. Resolves once that is so. */
  stopAccepting(): Promise<void>;
  /** Closes connections on which no request is expected any more. True when nothing is awaited from any. */
  closeSilent(): boolean;
}

/** Agents that can take nothing along to another hub. */
export interface BoundAgents {
  /**
   * Closes those of which nobody wants anything; with `isLast` the others are asked for nothing new. True when nothing of
   * theirs is under way but websockets.
   */
  leave(options: { isLast: boolean }): boolean;
}

export interface DrainDeps {
  clock: Clock;
  listener: Drained;
  underWay: UnderWay;
  agents: BoundAgents;
}

/**
 * Lets visitors go without losing a request, within `drainMs`. First they are all served as before, but each answer is
 * the last on its connection; then no new connections are taken; and when what is under way has ended, those that stayed
 * silent are closed: a visitor may send a request just then, so there should be none left that is in use. Agents go behind
 * them, since visitors of other hubs may be served by them.
 */
export async function drain(drainMs: number, { clock, listener, underWay, agents }: DrainDeps): Promise<void> {
  const startedAt = clock.now();
  const endsAt = startedAt + drainMs;
  const lastAt = endsAt - Math.min(lastMs, drainMs / 2);
  underWay.isClosing = true;
  const isQuiet = (): boolean => {
    const now = clock.now();
    const { begunAt, askedAt } = underWay;
    if (listener.visitorCount === 0 && now - Math.max(begunAt, askedAt) >= recentMs) return true;
    return now - startedAt >= noticeMs && now - begunAt >= quietMs;
  };
  const haveVisitorsLeft = (): boolean => underWay.isIdle && listener.closeSilent();
  const haveAllLeft = (): boolean => {
    const haveAgentsLeft = agents.leave({ isLast: clock.now() >= lastAt });
    return haveVisitorsLeft() && haveAgentsLeft;
  };
  await until(isQuiet, lastAt, clock);
  await listener.stopAccepting();
  await until(haveVisitorsLeft, lastAt, clock);
  await until(haveAllLeft, endsAt, clock);
  agents.leave({ isLast: true });
  listener.closeSilent();
}

/** Waits until something is so, or the time is over. */
async function until(isSo: () => boolean, endMs: number, clock: Clock): Promise<void> {
  if (isSo()) return;
  await new Promise<void>((resolve) => {
    const stop = clock.every(lookMs, () => {
      if (!isSo() && clock.now() < endMs) return;
      stop();
      resolve();
    });
  });
}
