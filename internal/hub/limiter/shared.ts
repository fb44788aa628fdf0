import type { Bus, NodeId } from '#internal/bus/bus';
import type { Clock, Stop } from '#internal/core/clock';
import { limits } from '#messages/limits';
import { decodeTriple, encodeNodeMessage, encodeTriple, type NodeMessage } from '#messages/node';
import { type Grant, type Limiter, type Rate, RequestCounter } from './limiter.ts';

/** A hub that has not answered by then is not waited for. */
const answerMs = 1_000;
/** Who asks is given in advance what is likely to come in this time, */
const advanceMs = 50;
/** but no more than so many times what came since it asked last. */
const maxGrowth = 2;

export interface SharedLimiterDeps {
  clock: Clock;
  bus: Bus;
  /** The other hub that holds the session of this client id; undefined when it is held here, or nowhere. */
  holder(clientId: string): NodeId | undefined;
}

/** What is known here of a tunnel whose requests are counted. */
interface Account {
  /** Who was asked last. Undefined where that is this hub. */
  node: NodeId | undefined;
  waiting: { resolve(): void; reject(reason: unknown): void }[];
  /** How many of those were asked for; 0 when no answer is awaited. */
  asked: number;
  /** The number of that question: an answer to an earlier one may come late. */
  question: number;
  stopTimer: Stop;
  /** What may pass without asking, and until when. */
  spare: number;
  spareUntil: number;
  /** Passed since it was asked last, and when that was. */
  passed: number;
  askedAt: number;
}

/**
 * Counts each tunnel's requests at the hub that holds its session, whichever hubs the visitors come to. Requests of the
 * same moment are asked for together, and whoever needs many gets some in advance.
 */
export class SharedLimiter implements Limiter {
  /** What other hubs were asked, counted. */
  readonly asks = { answered: 0, unanswered: 0 };
  readonly #deps: SharedLimiterDeps;
  readonly #counter: RequestCounter | undefined;
  readonly #accounts = new Map<string, Account>();
  /** The number of the last question. */
  #question = 0;

  /** Without a rate, everything passes. */
  constructor(rate: Rate | undefined, deps: SharedLimiterDeps) {
    this.#counter = rate && new RequestCounter(rate);
    this.#deps = deps;
  }

  admit(clientId: string): Promise<unknown> | undefined {
    if (!this.#counter) return undefined;
    const node = this.#deps.holder(clientId);
    const known = this.#accounts.get(clientId);
    if (known && known.node === node && known.spare > 0 && this.#deps.clock.now() < known.spareUntil) {
      known.spare -= 1;
      known.passed += 1;
      return undefined;
    }
    const account = this.#account(clientId);
    return new Promise<void>((resolve, reject) => {
      account.waiting.push({ resolve, reject });
      if (account.waiting.length > 1) return;
      // Those of the same turn go together over the bus.
      if (node === undefined) this.#ask(clientId, account);
      else setImmediate(() => this.#ask(clientId, account));
    });
  }

  /** Takes what another hub says of this. False: it is about something else. Throws what cannot be read. */
  message(from: NodeId, { kind, name, payload }: NodeMessage): boolean {
    if (kind !== 'ask' && kind !== 'granted') return false;
    const [question, count, more] = decodeTriple(payload);
    if (kind === 'ask') void this.#count(from, name, question, { count, spare: more });
    else if (this.#granted(from, name, question, { count, msLeft: more })) this.asks.answered += 1;
    return true;
  }

  /** Nobody waits any longer for what this hub was asked. */
  gone(node: NodeId): void {
    for (const [clientId, account] of this.#accounts) {
      if (account.asked > 0 && account.node === node) this.#unanswered(clientId, account);
    }
  }

  /** Counts for another hub. */
  async #count(
    from: NodeId,
    clientId: string,
    question: number,
    { count, spare }: { count: number; spare: number },
  ): Promise<void> {
    const grant = (await this.#counter?.take(clientId, count, spare)) ?? { count: count + spare, msLeft: 1_000 };
    const payload = encodeTriple(question, grant.count, Math.ceil(grant.msLeft));
    this.#deps.bus.publish(from, encodeNodeMessage('granted', clientId), payload);
  }

  /** False: nobody waits for this. */
  #granted(node: NodeId | undefined, clientId: string, question: number, { count, msLeft }: Grant): boolean {
    const account = this.#accounts.get(clientId);
    if (!account || account.node !== node || account.asked === 0 || account.question !== question) return false;
    account.stopTimer();
    // What is given in advance is for those first who have come since.
    const passing = account.waiting.splice(0, count);
    const refused = account.waiting.splice(0, Math.max(account.asked - passing.length, 0));
    account.asked = 0;
    account.passed += passing.length;
    account.spare = count - passing.length;
    account.spareUntil = this.#deps.clock.now() + msLeft;
    for (const { resolve } of passing) resolve();
    for (const { reject } of refused) reject(this.#counter?.refusal(msLeft));
    this.#ask(clientId, account);
    return true;
  }

  #ask(clientId: string, account: Account): void {
    if (account.asked > 0 || account.waiting.length === 0) return;
    const { clock, bus } = this.#deps;
    const now = clock.now();
    // Its session may have moved since it was asked for last.
    const node = this.#deps.holder(clientId);
    account.node = node;
    account.asked = account.waiting.length;
    this.#question = (this.#question + 1) % 2 ** 32;
    const question = this.#question;
    account.question = question;
    const spare = Math.floor(account.passed * Math.min(advanceMs / (now - account.askedAt), maxGrowth));
    account.passed = 0;
    account.askedAt = now;
    if (node === undefined) {
      void this.#counter?.take(clientId, account.asked, spare).then((grant) => {
        this.#granted(undefined, clientId, question, grant);
      });
      return;
    }
    account.stopTimer = clock.after(answerMs, () => this.#unanswered(clientId, account));
    bus.publish(node, encodeNodeMessage('ask', clientId), encodeTriple(question, account.asked, spare));
  }

  #unanswered(clientId: string, account: Account): void {
    this.asks.unanswered += 1;
    const { node, question, asked } = account;
    // A hub that does not answer will not be reached by the request either: here it need not fail.
    if (this.#deps.holder(clientId) === node) {
      this.#granted(node, clientId, question, { count: asked, msLeft: 0 });
      return;
    }
    account.stopTimer();
    account.asked = 0;
    this.#ask(clientId, account);
  }

  #account(clientId: string): Account {
    const known = this.#accounts.get(clientId);
    if (known) {
      // Anew, so that those that are used stay longest.
      this.#accounts.delete(clientId);
      this.#accounts.set(clientId, known);
      return known;
    }
    const account: Account = {
      node: undefined,
      waiting: [],
      asked: 0,
      question: 0,
      stopTimer: () => undefined,
      spare: 0,
      spareUntil: 0,
      passed: 0,
      askedAt: Number.NEGATIVE_INFINITY,
    };
    this.#accounts.set(clientId, account);
    if (this.#accounts.size > limits.rateAccounts) this.#forgetOldest();
    return account;
  }

  #forgetOldest(): void {
    for (const [clientId, { waiting }] of this.#accounts) {
      if (waiting.length > 0) continue;
      this.#accounts.delete(clientId);
      return;
    }
  }
}
