import type { Clock } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { Http1Error } from '#internal/http1/error';
import { fieldValue } from '#internal/http1/fields';
import { type RequestHead, writeRequestHead } from '#internal/http1/head';
import { refuseStream } from '#internal/link/refuse-stream';
import type { ResponseHandler, Stream } from '#internal/link/stream';
import { limits } from '#messages/limits';
import { frameTypes, openHeaderBytes, V2Error } from '#messages/v2';
import { type AcceptTunnelStream, acceptOpen } from './accept-open.ts';
import { HeadBlocks } from './head-blocks.ts';
import { Lane, type LaneOptions, type OnRepair } from './lane.ts';
import { MuxStream, type StreamOwner } from './mux-stream.ts';
import type { SendingLink } from './packet-link.ts';
import { ageOpens, checkHeadLength, expireOpens } from './payloads.ts';
import { checkStray, type Frame, Frames, receiveFrame } from './receive-frame.ts';
import { ReceiveWindow, WindowBudget } from './receive-window.ts';
import { Sending } from './sending.ts';
import { StreamTable } from './stream-table.ts';

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

/** The streams of one lane. */
export class Mux implements StreamOwner {
  readonly start: number;
  readonly #options: MuxOptions;
  readonly #deps: MuxDeps;
  readonly #lane: Lane;
  readonly #sending: Sending;
  readonly #streams = new StreamTable<MuxStream>();
  /** Those of ours that have left HTTP. */
  readonly #upgraded = new Set<MuxStream>();
  readonly #heads = new HeadBlocks();
  /** Windows for what has only been asked for: few bytes, since it may be a websocket or a feed, and stay for days. */
  readonly #early = new WindowBudget(limits.sessionWindows / 2);
  #lastId: number;
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
    this.#sending = new Sending({
      clock: deps.clock,
      lane: this.#lane,
      link: deps.link,
      streamCount: () => this.streamCount,
      relieved: (stream) => this.#guard(stream, () => stream.tellIfDrained()),
    });
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
    return this.#streams.size === 0 && this.#lane.keptBytes === 0 && this.#sending.isEmpty;
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
    const now = this.#deps.clock.now();
    const stream = this.#add(this.#newId(), { isOpener: true, now });
    stream.handler = handler;
    this.#sending.sendOpen(stream, { tunnel, msLeft, since: now }, text);
    // A websocket stays for days, and has little to say.
    if (head.method === 'GET' && fieldValue(head.fields, 'upgrade') === undefined) stream.foresee(this.#early);
    this.wake();
    return stream;
  }

  /** Takes a packet of this lane. Throws {@link V2Error}. */
  receive(packet: Buffer): void {
    this.#lane.receive(packet);
    this.#sending.checkWaiting();
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
    this.#fail(this.#sending.unsentSince(since), reason);
  }

  /** The same for those whose `open` was sent, and not acknowledged: if it arrives later, its time is over. */
  failUnheard(reason: AditError): void {
    this.#fail(this.#lane.unacknowledged.flatMap(expireOpens), reason);
  }

  /** There may be room to send. */
  wake(): void {
    this.#sending.wake();
  }

  /** Ends all streams. */
  close(reason: AditError): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sending.close();
    this.#lane.close();
    for (const stream of this.#streams) this.#guard(stream, () => stream.receiveReset(reason));
  }

  // StreamOwner: what streams tell.

  upgraded(stream: MuxStream): void {
    this.#upgraded.add(stream);
  }

  forget(stream: MuxStream): void {
    this.#streams.delete(stream.id);
    this.#upgraded.delete(stream);
    if (this.isIdle) this.#deps.onIdle();
  }

  #add(id: number, { isOpener, now = this.#deps.clock.now() }: { isOpener: boolean; now?: number }): MuxStream {
    const window = new ReceiveWindow(this.#deps.budget, now);
    const stream = new MuxStream(id, { owner: this, sender: this.#sending, window, isOpener });
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
