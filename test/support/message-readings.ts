import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** One message as a reader understood it. Bytes are latin1. */
export interface ReadMessage {
  /** A request's method and target, or a response's status and reason. */
  start: string;
  version: string;
  fields: readonly string[];
  body: string;
  trailers: readonly string[];
  isKeptAlive: boolean;
  isComplete: boolean;
}

/** What a reader made of a connection's bytes. */
export interface Reading {
  messages: ReadMessage[];
  /** Whether it would read no further, since what came is not valid. */
  isRefused: boolean;
}

/** The end of a connection inside the process: what it is told arrives at once, and what is written goes nowhere. */
export class DeafSocket extends Duplex {
  override _read(): void {
    // Bytes come as events.
  }

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done();
  }

  // What Node asks of a socket that its client keeps.

  setKeepAlive(): void {
    // Nobody is at its other end.
  }

  setTimeout(): void {
    // It has none.
  }

  unref(): void {
    // It keeps no process alive.
  }

  ref(): void {
    // It keeps no process alive.
  }

  /** Lets bytes arrive. */
  receive(bytes: Buffer): void {
    this.emit('data', bytes);
  }

  /** Lets bytes arrive, and then the end. */
  receiveAll(bytes: Buffer): void {
    this.receive(bytes);
    this.emit('end');
  }
}

/** The same for code of ours, which asks for less than streams do, but much more often. */
export class QuickSocket extends EventEmitter {
  readonly writableNeedDrain = false;
  readonly writableLength = 0;
  readonly bytesWritten = 0;
  readonly writable = true;
  destroyed = false;
  #isPaused = false;

  _write(): void {
    // Nothing is written.
  }

  write(): boolean {
    return true;
  }

  isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  cork(): void {
    // Nothing is written.
  }

  uncork(): void {
    // Nothing is written.
  }

  end(): void {
    // Its other end would not notice.
  }

  destroy(): void {
    this.destroyed = true;
  }

  resetAndDestroy(): void {
    this.destroyed = true;
  }

  /** Lets bytes arrive. */
  receive(bytes: Buffer): void {
    this.emit('data', bytes);
  }

  /** Lets the end arrive. */
  receiveEnd(): void {
    this.emit('end');
  }

  get asSocket(): Socket {
    return this as unknown as Socket;
  }
}

/** What two readings of the same bytes disagree on. */
export interface Disagreement {
  what: string;
  /** The bytes, in latin1. */
  bytes: string;
  /** Which message it is about. */
  index: number;
  ours: ReadMessage;
  other: ReadMessage | undefined;
}

/**
 * Finds where we accept what another reader refuses, or where both accept and understand different things. We may refuse
 * more, and close a connection where the other one keeps it if `mayClose`.
 */
export function disagreement(
  bytes: string,
  { ours, other, mayClose }: { ours: Reading; other: Reading; mayClose: boolean },
): Disagreement | undefined {
  for (const [index, message] of ours.messages.entries()) {
    const counterpart = other.messages[index];
    const what = counterpart ? differenceOf(message, counterpart, mayClose) : 'a message that only we find';
    if (what !== undefined) return { what, bytes, index, ours: message, other: counterpart };
    if (message.isComplete && !message.isKeptAlive) return undefined;
  }
  const further = other.messages[ours.messages.length];
  if (ours.isRefused || !further) return undefined;
  return { what: 'a message that we do not find', bytes, index: ours.messages.length, ours: further, other: further };
}

function differenceOf(ours: ReadMessage, other: ReadMessage, mayClose: boolean): string | undefined {
  if (ours.start !== other.start) return 'the first line';
  if (ours.version !== other.version) return 'the version';
  if (!isSameList(ours.fields, other.fields)) return 'the fields';
  // A body that broke off has been told in part, to the one or the other.
  if (!ours.body.startsWith(other.body) && !other.body.startsWith(ours.body)) return 'the body';
  if (!ours.isComplete) return undefined;
  if (!other.isComplete) return 'an end that only we find';
  if (ours.body !== other.body) return 'the body';
  if (!isSameList(ours.trailers, other.trailers)) return 'the trailers';
  if (ours.isKeptAlive === other.isKeptAlive || (mayClose && !ours.isKeptAlive)) return undefined;
  return 'whether the connection is kept';
}

export function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, i) => text === other[i]);
}
