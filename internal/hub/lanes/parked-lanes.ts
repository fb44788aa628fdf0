import type { Clock, Stop } from '#internal/core/clock';
import { limits } from '#messages/limits';
import type { Directory } from '../directory/directory.ts';
import { takenIds } from '../directory/taken-ids.ts';
import type { EdgeLane } from './edge-lane.ts';

/** How often a lane asks where its session is: what hubs tell each other may be lost. */
const lookMs = 1_000;

export interface ParkedLanesDeps {
  clock: Clock;
  directory: Directory;
  /** Finds out where the session of a lane is by now. */
  look(lane: EdgeLane): Promise<void>;
  /** Gives a lane up, which is to be deleted here too. */
  end(lane: EdgeLane): void;
}

/** Lanes whose sessions have no connection. They are given up when that lasts, or too much waits on them. */
export class ParkedLanes {
  readonly #graceMs: number;
  readonly #deps: ParkedLanesDeps;
  /** The longest ones first, and what stops looking after them. */
  readonly #lanes = new Map<EdgeLane, Stop>();

  /** `graceMs`: how long a session outlives its connection. */
  constructor(graceMs: number, deps: ParkedLanesDeps) {
    this.#graceMs = graceMs;
    this.#deps = deps;
  }

  add(lane: EdgeLane): void {
    if (this.#lanes.has(lane)) return;
    const { clock, end } = this.#deps;
    const stopGrace = clock.after(this.#graceMs, () => end(lane));
    const stopLooking = clock.every(lookMs, () => this.#look(lane));
    this.#lanes.set(lane, () => {
      stopGrace();
      stopLooking();
    });
    this.limit();
  }

  delete(lane: EdgeLane): void {
    this.#lanes.get(lane)?.();
    this.#lanes.delete(lane);
  }

  /** What waits for agents to come back has its limits: the longest gone go first. */
  limit(): void {
    let streams = 0;
    let bytes = 0;
    for (const lane of [...this.#lanes.keys()].reverse()) {
      streams += lane.streamCount;
      bytes += lane.heldBytes;
      if (streams > limits.parkedStreams || bytes > limits.parkedBytes) this.#deps.end(lane);
    }
  }

  async #look(lane: EdgeLane): Promise<void> {
    if (lane.isIdle) return;
    const { directory, look, end } = this.#deps;
    await look(lane);
    // Without names it will not go on, though the hub that would say so may have ended.
    const taken = await takenIds(directory, lane.clientIds, lane.session).catch(() => []);
    if (taken.length === lane.clientIds.length && this.#lanes.has(lane)) end(lane);
  }
}
