import { afterTurn } from '#internal/core/after-turn';
import type { Clock } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { Http1Error } from '#internal/http1/error';
import { fieldValue } from '#internal/http1/fields';
import { type RequestHead, type ResponseHead, writeRequestHead, writeResponseHead } from '#internal/http1/head';
import { refuseStream } from '#internal/link/refuse-stream';
import type { ResponseHandler, Stream } from '#internal/link/stream';
import { limits } from '#messages/limits';
import { frameTypes, openHeaderBytes, V2Error } from '#messages/v2';
import { type AcceptTunnelStream, acceptOpen } from './accept-open.ts';
import { HeadBlocks } from './head-blocks.ts';
import { Lane, type LaneOptions, type OnRepair } from './lane.ts';
import { MuxStream, type StreamOwner } from './mux-stream.ts';
import { Outbox } from './outbox.ts';
import type { SendingLink } from './packet-link.ts';
import { ageOpens, checkHeadLength, expireOpens } from './payloads.ts';
import { checkStray, type Frame, Frames, receiveFrame } from './receive-frame.ts';
import { ReceiveWindow, WindowBudget } from './receive-window.ts';
import { StreamTable } from './stream-table.ts';

/** So many requests or answers are gathered at most before they are sent. */
const gatheredEnds = 16;

export interface MuxOptions extends Omit<LaneOptions, 'start'> {
  start?: number;
  /** How many streams the other end takes. */
  maxStreams: number;
}

export interface MuxDeps {
  clock: Clock;
  log: Log;
  link: SendingLink;
  budget: WindowBudget;
  accept: AcceptTunnelStream;
  /** The last stream has ended, but for those that were upgraded. */
  onIdle(): void;
  /** Counts a frame for a stream that has ended, or never was. */
  onStrayFrame(): void;
  /** Counts what was lost below, and asked for or sent again. */
  onRepair?: OnRepair | undefined;
}

/** The streams of one lane, and whose turn it is to send. */
export class Mux implements StreamOwner {
  readonly start: number;
  readonly #options: MuxOptions;
  readonly #deps: MuxDeps;
  readonly #lane: Lane;
  readonly #streams = new StreamTable<MuxStream>();
  /** Those of ours that have left HTTP. */
  readonly #upgraded = new Set<MuxStream>();
  readonly #outbox = new Outbox();
  readonly #heads = new HeadBlocks();
  /** Windows for what has only been asked for: few bytes, since it may be a websocket or a feed, and stay for days. */
  readonly #early = new WindowBudget(limits.sessionWindows / 2);
  #lastId: number;
  #isScheduled = false;
  #isPumping = false;
  #waitingEnds = 0;
  #isClosed = false;

  constructor(options: MuxOptions, deps: MuxDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#lastId = options.side === 'hub' ? -1 : 0;
    this.start = options.start ?? 0;
    this.#lane = new Lane(
      { ...options, start: this.start },
      {
        clock: deps.clock,
        transmit: (packet) => deps.link.send(packet),
        deliver: (frames) => this.#deliver(frames),
        age: ageOpens,
        wake: () => this.wake(),
        rested: () => this.#heads.clear(),
        onRepair: deps.onRepair,
      },
    );
  }

  /** The position behind the last byte that was sent. */
  get sentPosition(): number {
    return this.#lane.sentPosition;
  }

  /** Whether no stream is left but those that were upgraded, which have no end to wait for. */
  get isIdle(): boolean {
    return this.#streams.size === this.#upgraded.size;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Whether there is nothing that the other end waits for, nor anything that it is waited for. */
  get isQuiet(): boolean {
    return this.#streams.size === 0 && this.#lane.keptBytes === 0 && this.#outbox.isEmpty;
  }

  /** Bytes that wait to be sent, or to be acknowledged. */
  get heldBytes(): number {
    let bytes = this.#lane.keptBytes;
    for (const stream of this.#streams) bytes += stream.queuedBytes;
    return bytes;
  }

  /** Opens a stream of the agent's tunnel of this index. */
  open(tunnel: number, head: RequestHead, msLeft: number, handler: ResponseHandler): Stream {
    if (this.#isClosed)
      return refuseStream(handler, new AditError('ADIT_LINK_LOST', 'the agent has just disconnected'));
    const { maxStreams } = this.#options;
    if (this.#streams.size >= maxStreams) {
      const message = `${maxStreams} requests are under way`;
      return refuseStream(handler, new AditError('ADIT_TUNNEL_BUSY', message, { retryAfterSeconds: 1 }));
    }
    const text = writeRequestHead(head);
    if (openHeaderBytes + text.length > limits.v2Head) {
      const message = 'the head of the request is too long for this wire';
      return refuseStream(handler, new AditError('ADIT_HEAD_TOO_LARGE', message));
    }
    const { now } = this;
    const stream = this.#add(this.#newId(), { isOpener: true, now });
    stream.handler = handler;
    this.#outbox.putOpen(stream.id, { tunnel, msLeft, since: now }, text);
    // A websocket stays for days, and has little to say.
    if (head.method === 'GET' && fieldValue(head.fields, 'upgrade') === undefined) stream.foresee(this.#early);
    this.wake();
    return stream;
  }

  /** Takes a packet of this lane. Throws {@link V2Error}. */
  receive(packet: Buffer): void {
    this.#lane.receive(packet);
    if (this.#outbox.urgentCount > limits.urgentCount) throw new V2Error('what is asked is not waited for');
  }

  /** Begins on its first connection. */
  begin(): void {
    this.#lane.begin();
  }

  /** Goes on over another connection, which must be there. */
  resume(epoch: number): void {
    this.#lane.resume(epoch);
  }

  /** Finds out at once whether something was lost on the way. */
  check(): void {
    this.#lane.check();
  }

  /** Ends streams whose `open` has waited since before this time. */
  failUnsent(since: number, reason: AditError): void {
    this.#fail(this.#outbox.unsentSince(since), reason);
  }

  /** The same for those whose `open` was sent, and not acknowledged: if it arrives later, its time is over. */
  failUnheard(reason: AditError): void {
    this.#fail(this.#lane.unacknowledged.flatMap(expireOpens), reason);
  }

  /** There may be room to send. */
  wake(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    // Gathering pays when many streams write in one turn. One stream alone would only wait for it.
    if (this.#streams.size <= 1) afterTurn(this.#pump);
    else setImmediate(this.#pump);
  }

  /** Ends all streams. */
  close(reason: AditError): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#lane.close();
    for (const stream of this.#streams) this.#guard(stream, () => stream.receiveReset(reason));
  }

  // StreamOwner: what streams ask for.

  get now(): number {
    return this.#deps.clock.now();
  }

  get rttMs(): number {
    return Math.min(this.#lane.pace.minRttMs, this.#deps.link.rttMs ?? Number.POSITIVE_INFINITY);
  }

  sendHead(stream: MuxStream, head: ResponseHead): void {
    const payload = writeResponseHead(head);
    if (head.status === 101) this.#upgraded.add(stream);
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

  #hasRoom(): boolean {
    return this.#deps.link.isWritable && this.#lane.hasRoom;
  }

  forget(stream: MuxStream): void {
    this.#streams.delete(stream.id);
    this.#upgraded.delete(stream);
    if (this.isIdle) this.#deps.onIdle();
  }

  #add(id: number, { isOpener, now = this.now }: { isOpener: boolean; now?: number }): MuxStream {
    const window = new ReceiveWindow(this.#deps.budget, now);
    const stream = new MuxStream(id, this, window, { isOpener });
    this.#streams.add(stream);
    return stream;
  }

  #newId(): number {
    do {
      this.#lastId += 2;
      if (this.#lastId > 0xffff_ffff) this.#lastId = this.#options.side === 'hub' ? 1 : 2;
    } while (this.#streams.has(this.#lastId));
    return this.#lastId;
  }

  // Sending.

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
    for (const stream of relieved) this.#guard(stream, () => stream.tellIfDrained());
  }

  // Receiving.

  #deliver(batch: Buffer): void {
    const frames = new Frames(batch);
    while (!this.#isClosed && frames.next()) {
      if (frames.type === frameTypes.open) this.#accept(frames);
      else this.#receive(frames);
    }
  }

  #receive(frame: Frame): void {
    const stream = this.#streams.get(frame.id);
    if (!stream) {
      checkStray(frame);
      this.#deps.onStrayFrame();
      return;
    }
    try {
      receiveFrame(stream, frame, this.#heads);
    } catch (thrown) {
      this.#failed(stream, thrown);
    }
  }

  /** Whatever goes wrong in `action` costs this stream only. */
  #guard(stream: MuxStream, action: () => void): void {
    try {
      action();
    } catch (thrown) {
      this.#failed(stream, thrown);
    }
  }

  #fail(ids: number[], reason: AditError): void {
    for (const id of ids) {
      const stream = this.#streams.get(id);
      if (stream) this.#guard(stream, () => stream.fail(reason));
    }
  }

  #failed(stream: MuxStream, thrown: unknown): void {
    if (thrown instanceof V2Error) throw thrown;
    this.#guard(stream, () => stream.fail(this.#reasonOf(thrown)));
  }

  /** A head or trailers that are not valid are the other end's doing. */
  #reasonOf(thrown: unknown): AditError {
    if (thrown instanceof Http1Error) return new AditError('ADIT_AGENT_BAD_ANSWER', thrown.message);
    this.#deps.log.error('a stream failed by a mistake of ours', { error: messageOf(thrown) });
    return new AditError('ADIT_INTERNAL', 'this end made a mistake');
  }

  #accept(frame: Frame): void {
    const { id, start, end } = frame;
    const isTheirs = id % 2 === (this.#options.side === 'hub' ? 0 : 1) && id > 0;
    if (!isTheirs || this.#streams.has(id)) throw new V2Error(`a stream was opened with the number ${id}`);
    if (end - start < openHeaderBytes) throw new V2Error('an open frame is shorter than its header');
    checkHeadLength(end - start);
    const stream = this.#add(id, { isOpener: false });
    acceptOpen(stream, frame, { accept: this.#deps.accept, heads: this.#heads, streamCount: this.#streams.size });
  }
}
