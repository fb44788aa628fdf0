import type { ProbeOutcome } from '#messages/v2';

/** How a tunnel is. `degraded` is connected, but visitors are not served as they should be. */
export type HealthState = 'connecting' | 'online' | 'degraded' | 'offline';

export interface HealthStatus {
  state: HealthState;
  /** Why it is degraded or offline, else empty. */
  reason: string;
}

/** What may be wrong while connected; the first that holds is told. */
const causes = ['origin', 'probe', 'roundTrip'] as const;
type Cause = (typeof causes)[number];

/** So many probes in a row have to fail: one may have met a moment. */
const failedProbes = 2;
/** From which round trip on it is slow, and below which it is not any more, in milliseconds. */
const slowMs = 1_000;
const notSlowMs = 800;

/** Concludes how a tunnel is from the facts that it is told. Whatever can't be known is not held against it. */
export class Health {
  readonly #onChange: (status: HealthStatus) => void;
  readonly #troubles = new Map<Cause, string>();
  #link: Exclude<HealthState, 'degraded'> = 'connecting';
  #offlineReason = '';
  #failedProbeCount = 0;
  #told: HealthState | Cause = 'connecting';

  /** `onChange` is called for every change, the start excepted. */
  constructor(onChange: (status: HealthStatus) => void) {
    this.#onChange = onChange;
  }

  get status(): HealthStatus {
    const cause = this.#cause();
    if (cause) return { state: 'degraded', reason: this.#troubles.get(cause) ?? '' };
    return { state: this.#link, reason: this.#link === 'offline' ? this.#offlineReason : '' };
  }

  /** The hub is dialled. */
  connecting(): void {
    this.#change('connecting');
  }

  /** The hub has registered the tunnel. It is told as online first, also if it turns out as degraded at once. */
  connected(): void {
    // These belonged to the connection before.
    this.#troubles.delete('probe');
    this.#troubles.delete('roundTrip');
    this.#failedProbeCount = 0;
    this.#link = 'online';
    this.#told = 'online';
    this.#onChange({ state: 'online', reason: '' });
    this.#tell();
  }

  /** The hub cannot be reached. */
  disconnected(reason: string): void {
    this.#offlineReason = reason;
    this.#change('offline');
  }

  /** Why the origin takes no connections; undefined when it does. */
  originChecked(trouble: string | undefined): void {
    this.#set('origin', trouble);
  }

  probed(outcome: ProbeOutcome, detail: string): void {
    this.#failedProbeCount = outcome === 'failed' ? this.#failedProbeCount + 1 : 0;
    const isFailed = this.#failedProbeCount >= failedProbes;
    this.#set('probe', isFailed ? `visitors do not reach this tunnel: ${detail}` : undefined);
  }

  /** The smoothed round trip to the hub, in milliseconds. */
  roundTrip(ms: number): void {
    const isSlow = ms > (this.#troubles.has('roundTrip') ? notSlowMs : slowMs);
    this.#set('roundTrip', isSlow ? 'the way to the hub and back takes over a second' : undefined);
  }

  #cause(): Cause | undefined {
    return this.#link === 'online' ? causes.find((cause) => this.#troubles.has(cause)) : undefined;
  }

  #change(link: Exclude<HealthState, 'degraded'>): void {
    this.#link = link;
    this.#tell();
  }

  #set(cause: Cause, trouble: string | undefined): void {
    if (trouble === undefined) this.#troubles.delete(cause);
    else this.#troubles.set(cause, trouble);
    this.#tell();
  }

  /** Tells what is new. The same trouble in other words is not. */
  #tell(): void {
    const current = this.#cause() ?? this.#link;
    if (current === this.#told) return;
    this.#told = current;
    this.#onChange(this.status);
  }
}
