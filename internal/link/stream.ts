import type { AditError } from '#internal/core/errors';
import type { Fields } from '#internal/http1/fields';
import type { RequestHead, ResponseHead } from '#internal/http1/head';

/**
 * One exchange's bytes in both directions, as seen from one end. Whoever holds it does not know which wire is below.
 * After a response head of status 101 the bytes are those of the upgraded protocol.
 */
export interface Stream {
  /**
   * Sends bytes, whose buffer may be used again afterwards. False asks to hold further ones back until the handler's
   * `drained`.
   */
  write(chunk: Buffer): boolean;
  /** Nothing more will be written. */
  end(trailers?: Fields): void;
  /** "I want no more from you": the direction towards us may end early, ours goes on. */
  stop(): void;
  /** Ends both directions. The handler hears nothing more. */
  reset(reason: AditError): void;
  /** Tells that `byteCount` received bytes have been passed on, so that the other end may send as many again. */
  consumed(byteCount: number): void;
}

/** What the other end does. `reset` is the last call; after `ended` only `drained`, `stopped` and `reset` come. */
export interface StreamHandler {
  /** Bytes, whose buffer may be used again afterwards. */
  data(chunk: Buffer): void;
  ended(trailers: Fields): void;
  drained(): void;
  stopped(): void;
  reset(reason: AditError): void;
}

/** The handler of the end that opened the stream: it is answered. */
export interface ResponseHandler extends StreamHandler {
  /** A response head: any number of interim ones (1xx but 101), then one final one. */
  head(head: ResponseHead): void;
}

/** The end that a stream was opened towards: it answers. */
export interface AcceptedStream extends Stream {
  /** Sends a response head. */
  head(head: ResponseHead): void;
}

/**
 * Takes an opened stream and gives the handler of what comes. A body follows when the head has a Content-Length above 0,
 * or `Transfer-Encoding: chunked`, which here only says that the length is not known: the data is without that coding.
 */
export type AcceptStream = (head: RequestHead, stream: AcceptedStream) => StreamHandler;

/** Where streams towards an agent are opened. */
export interface StreamOpener {
  /** Names the agent's session among all of all hubs. */
  readonly session: string;
  /**
   * Whether everything passes: interim responses, trailers, bodies of any size while they arrive, and any protocol that
   * an upgrade leads to. Wire v1 carries whole documents and websockets only.
   */
  readonly isTransparent: boolean;
  /** Opens a stream. A refusal comes as the handler's `reset`, which may be called before this returns; nothing is thrown. */
  open(head: RequestHead, handler: ResponseHandler): Stream;
}
