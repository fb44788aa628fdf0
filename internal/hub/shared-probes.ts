import type { Bus, NodeId } from '#internal/bus/bus';
import type { Clock, Stop } from '#internal/core/clock';
import { limits } from '#messages/limits';
import { urlWord } from '#messages/members';
import { encodeNodeMessage, type NodeMessage } from '#messages/node';
import { probePath } from '#messages/v2';
import type { Directory } from './directory/directory.ts';
import type { Prober } from './prober.ts';

/** A hub that has not answered by then is not waited for. */
const answerMs = 1_000;

export interface SharedProbesDeps {
  clock: Clock;
  bus: Bus;
  directory: Pick<Directory, 'find'>;
  prober: Pick<Prober, 'isProbe'>;
}

/** Which requests are probes: those of this hub, and of the one that holds the tunnel's session, which is asked. */
export class SharedProbes {
  readonly #node: NodeId;
  readonly #deps: SharedProbesDeps;
  /** Who waits for an answer, by whom and what was asked. */
  readonly #asked = new Map<string, (isProbe: boolean) => void>();

  /** `node`: this hub. */
  constructor(node: NodeId, deps: SharedProbesDeps) {
    this.#node = node;
    this.#deps = deps;
  }

  /** Whether a request to a tunnel is a probe. A promise only where that has to be asked; it never rejects. */
  isProbe(clientId: string, target: string): boolean | Promise<boolean> {
    if (!target.startsWith(probePath)) return false;
    const { prober, directory } = this.#deps;
    const nonce = target.slice(probePath.length);
    if (prober.isProbe(clientId, target)) return true;
    if (!urlWord.test(nonce)) return false;
    const found = directory.find(clientId);
    if (!(found instanceof Promise)) return this.#ask(found?.node, clientId, nonce);
    return found.then(
      (record) => this.#ask(record?.node, clientId, nonce),
      () => false,
    );
  }

  /** Takes what another hub says of this. False: it is about something else. */
  message(from: NodeId, { kind, name, payload }: NodeMessage): boolean {
    if (kind === 'askProbe') {
      const nonce = payload.toString('latin1');
      const isProbe = this.#deps.prober.isProbe(name, probePath + nonce);
      this.#deps.bus.publish(from, encodeNodeMessage(isProbe ? 'probe' : 'noProbe', name), Buffer.from(payload));
    } else if (kind === 'probe' || kind === 'noProbe') {
      this.#asked.get(keyOf(from, name, payload.toString('latin1')))?.(kind === 'probe');
    } else return false;
    return true;
  }

  #ask(holder: NodeId | undefined, clientId: string, nonce: string): boolean | Promise<boolean> {
    if (holder === undefined || holder === this.#node) return false;
    const key = keyOf(holder, clientId, nonce);
    // Strangers can ask for as many as they like.
    if (this.#asked.size >= limits.probeCount || this.#asked.has(key)) return false;
    return new Promise((resolve) => {
      const answered = (isProbe: boolean): void => {
        stopTimer();
        this.#asked.delete(key);
        resolve(isProbe);
      };
      const stopTimer: Stop = this.#deps.clock.after(answerMs, () => answered(false));
      this.#asked.set(key, answered);
      this.#deps.bus.publish(holder, encodeNodeMessage('askProbe', clientId), Buffer.from(nonce, 'latin1'));
    });
  }
}

function keyOf(holder: NodeId, clientId: string, nonce: string): string {
  return `${holder} ${clientId} ${nonce}`;
}
