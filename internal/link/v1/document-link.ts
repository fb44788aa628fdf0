import type { Clock } from '#internal/core/clock';
import { messageOf } from '#internal/core/errors';
import { Heartbeat } from '#internal/link/heartbeat';
import type { TextLink, TextLinkHandler } from '#internal/link/text-link';
import { limits } from '#messages/limits';
import { decodeV1, encodeV1, type V1Document, V1DocumentError } from '#messages/v1';

/** Opens the connection below, once it is known who listens to it. */
export type Connect = (handler: TextLinkHandler) => TextLink;

/** Who listens to documents. `closed` is the last call. */
export interface DocumentHandler {
  document(document: V1Document): void;
  /** A message that is no document of wire v1; `text` is what it says. */
  malformed(error: V1DocumentError, text: string): void;
  /** Nothing was sent for 10 s. Only hubs send pings in wire v1. */
  quiet?(): void;
  closed(code: number, reason: string): void;
}

/** Carries the documents of wire v1 on a text link, and watches that both ends are alive. */
export class DocumentLink {
  readonly #clock: Clock;
  readonly #handler: DocumentHandler;
  readonly #link: TextLink;
  readonly #heartbeat: Heartbeat;
  #isClosed = false;
  /** Letters of the longest document that is read at all. */
  maxLength: number = limits.v1Document;

  constructor(clock: Clock, handler: DocumentHandler, connect: Connect) {
    this.#clock = clock;
    this.#handler = handler;
    this.#link = connect({ text: (text) => this.#text(text), closed: (code, reason) => this.#closed(code, reason) });
    this.#heartbeat = new Heartbeat(clock, {
      quiet: () => handler.quiet?.(),
      unheard: () => this.#link.ping(),
      dead: () => this.#link.destroy(),
      receivedBytes: () => this.#link.receivedBytes,
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes that wait to be sent. */
  get queuedBytes(): number {
    return this.#link.queuedBytes;
  }

  /** Sends a document; `sent` is called once it has left for the network. False: it is too large, and was not sent. */
  send(document: V1Document, sent?: () => void): boolean {
    const text = encodeV1(document, this.#clock.wallMs());
    // A character takes up to three bytes, so most texts need not be measured.
    if (text.length * 3 > limits.v1Document && Buffer.byteLength(text) > limits.v1Document) return false;
    this.sendText(text, sent);
    return true;
  }

  /** Sends a bare text: how the original writes a refusal. */
  sendText(text: string, sent?: () => void): void {
    this.#heartbeat.sent();
    this.#link.send(text, sent);
  }

  /** There is reason to doubt the link: it must show life soon. */
  urge(): void {
    this.#heartbeat.urge();
  }

  close(code: number, reason: string): void {
    this.#link.close(code, reason);
  }

  destroy(): void {
    this.#link.destroy();
  }

  #text(text: string): void {
    if (this.#isClosed) return;
    if (text.length > this.maxLength) {
      this.#handler.malformed(new V1DocumentError(`document is longer than ${this.maxLength} bytes`), '');
      return;
    }
    let document: V1Document | undefined;
    try {
      document = decodeV1(text);
    } catch (error) {
      // Whatever the parser runs into, such as nesting too deep for it, is the sender's doing.
      this.#handler.malformed(error instanceof V1DocumentError ? error : new V1DocumentError(messageOf(error)), text);
      return;
    }
    if (document) this.#handler.document(document);
  }

  #closed(code: number, reason: string): void {
    this.#isClosed = true;
    this.#heartbeat.stop();
    this.#handler.closed(code, reason);
  }
}
