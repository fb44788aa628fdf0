import { afterTurn } from '#internal/core/after-turn';
import type { Clock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import { type ResponseHead, writeResponseHead } from '#internal/http1/head';
import { limits } from '#messages/limits';
import { frameTypes, V2Error } from '#messages/v2';
import type { Lane } from './lane.ts';
import type { MuxStream, StreamSender } from './mux-stream.ts';
import { type OpenTerms, Outbox } from './outbox.ts';
import type { SendingLink } from './packet-link.ts';

/** So many requests or answers are gathered at most before they are sent. */
const gatheredEnds = 32;

export interface SendingDeps {
  clock: Clock;
  lane: Lane;
  link: SendingLink;
  /** How many streams share the lane. */
  streamCount(): number;
  /** Whoever writes to a stream, and was asked to hold back, may go on. */
  relieved(stream: MuxStream): void;
}

/** Sends what the streams of a lane have to say: gathers it, and decides when it leaves. */
export class Sending implements StreamSender {
  readonly #deps: SendingDeps;
  readonly #lane: Lane;
  readonly #outbox = new Outbox();
  #isScheduled = false;
  #isPumping = false;
  #waitingEnds = 0;
  #isClosed = false;

  constructor(deps: SendingDeps) {
    this.#deps = deps;
    this.#lane = deps.lane;
  }

  get now(): number {
    return this.#deps.clock.now();
  }

  get rttMs(): number {
    return Math.min(this.#lane.pace.minRttMs, this.#deps.link.rttMs ?? Number.POSITIVE_INFINITY);
  }

  /** Whether nothing waits but data. */
  get isEmpty(): boolean {
    return this.#outbox.isEmpty;
  }

  /** Throws {@link V2Error} when the other end asks for more than it takes. */
  checkWaiting(): void {
    if (this.#outbox.urgentCount > limits.urgentCount) throw new V2Error('what is asked is not waited for');
  }

  /** Streams whose `open` has waited since before this time. */
  unsentSince(time: number): number[] {
    return this.#outbox.unsentSince(time);
  }

  sendOpen({ id }: MuxStream, terms: OpenTerms, head: string): void {
    this.#outbox.putOpen(id, terms, head);
  }

  sendHead(stream: MuxStream, head: ResponseHead): void {
    const payload = writeResponseHead(head);
    if (payload.length > limits.v2Head)
      stream.fail(new AditError('ADIT_AGENT_BAD_ANSWER', 'the head of the answer is too long'));
    else this.#outbox.putHead(stream.id, payload);
    this.wake();
  }

  sendUrgent(type: number, { id }: MuxStream, payload: string | Buffer): void {
    // Of a stream that the other end has not heard of, it need not hear.
    if (type === frameTypes.reset && this.#outbox.takeBack(id)) return;
    this.#outbox.putUrgent(type, id, payload);
    this.wake();
  }

  sendData(stream: MuxStream): void {
    this.#outbox.putData(stream);
    // Whole messages are not held back for long: else both ends would work by turns instead of side by side.
    if (stream.endToSend) this.#waitingEnds += 1;
    if ((this.#waitingEnds >= gatheredEnds || stream.isLong) && !this.#isPumping) this.#pump();
    else this.wake();
  }

  awaitsRoom(stream: MuxStream): boolean {
    if (this.#hasRoom()) return false;
    this.#outbox.awaitRoom(stream);
    return true;
  }

  /** There may be room to send, or something to be sent. */
  wake(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    // Gathering pays when many streams write in one turn. One stream alone would only wait for it.
    if (this.#deps.streamCount() <= 1) afterTurn(this.#pump);
    else setImmediate(this.#turn);
  }

  /** Sends nothing more. */
  close(): void {
    this.#isClosed = true;
  }

  #hasRoom(): boolean {
    return this.#deps.link.isWritable && this.#lane.hasRoom;
  }

  /** Whole messages wait for those of one more turn: each message to the other end wakes it, whatever it carries. */
  readonly #turn = (): void => {
    if (this.#waitingEnds > 0) setImmediate(this.#pump);
    else this.#pump();
  };

  readonly #pump = (): void => {
    this.#isScheduled = false;
    this.#waitingEnds = 0;
    if (this.#isClosed) return;
    this.#isPumping = true;
    try {
      this.#sendBatches();
    } finally {
      this.#isPumping = false;
    }
  };

  #sendBatches(): void {
    while (this.#deps.link.isWritable) {
      const frames = this.#outbox.gather(this.#lane, this.#lane.target, this.now);
      if (frames.length === 0 && !this.#lane.isAckDue) break;
      this.#lane.send(frames);
    }
    const relieved = this.#outbox.takeRelieved({ hasRoom: this.#hasRoom() });
    for (const stream of relieved) this.#deps.relieved(stream);
  }
}
