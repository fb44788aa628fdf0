import type { Clock } from '#internal/core/clock';
import type { Log } from '#internal/core/log';
import type { V2HubLink } from '#internal/link/v2/hub-link';
import type { AgentState } from '#messages/v2';
import type { ProbeResult, Prober } from '../prober.ts';
import type { HeldSession } from './held-session.ts';

/** How often the state of one agent is worth a line. */
const statusMs = 1_000;

/** What agents say of themselves, and what they want to know of themselves. */
export class V2Health {
  readonly #held: ReadonlyMap<string, HeldSession>;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(held: ReadonlyMap<string, HeldSession>, { clock, log }: { clock: Clock; log: Log }) {
    this.#held = held;
    this.#clock = clock;
    this.#log = log;
  }

  /** How many sessions are in which state. */
  get states(): Record<AgentState | 'parked', number> {
    const counts = { online: 0, degraded: 0, parked: 0 };
    for (const { link } of this.#held.values()) counts[link?.state ?? 'parked'] += 1;
    return counts;
  }

  /** Says in the log how an agent is: one line a second for each, whatever it sends, and what it said last. */
  status(link: V2HubLink): void {
    const held = this.#held.get(link.id);
    if (!held || held.isStateFresh) return;
    const { state, stateReason: reason, roundTrips } = link;
    const [clientId] = held.record.clientIds;
    this.#log.info(`an agent is ${state}`, {
      clientId,
      ...(reason && { reason }),
      ...(roundTrips.ms !== undefined && { roundTripMs: Math.round(roundTrips.ms) }),
    });
    held.isStateFresh = true;
    this.#clock.after(statusMs, () => {
      held.isStateFresh = false;
      if (held.link === link && link.state !== state) this.status(link);
    });
  }

  /** Requests a session's first tunnel as visitors do. */
  async probe(prober: Pick<Prober, 'probe'>, { id }: V2HubLink, nonce: string): Promise<ProbeResult> {
    const [clientId] = this.#held.get(id)?.clientIds ?? [];
    if (clientId !== undefined) return await prober.probe(clientId, nonce);
    return { outcome: 'unknown', detail: 'this session serves no tunnel' };
  }
}
