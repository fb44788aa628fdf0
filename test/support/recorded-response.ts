import type { AditError } from '#internal/core/errors';
import { type Fields, fieldValue } from '#internal/http1/fields';
import type { ResponseHead } from '#internal/http1/head';
import type { ResponseHandler } from '#internal/link/stream';

/** Keeps what comes back on a stream. */
export class RecordedResponse implements ResponseHandler {
  readonly chunks: Buffer[] = [];
  final: ResponseHead | undefined;
  error: AditError | undefined;
  isEnded = false;
  trailers: Fields = [];
  /** Calls after the last one that is allowed. */
  readonly strays: string[] = [];
  /** Resolves with the first final head, or the error. */
  readonly answered: Promise<void>;
  /** Resolves when the stream has ended, well or not. */
  readonly done: Promise<void>;
  /** Is told of bytes as they come. */
  onData: (chunk: Buffer) => void = () => undefined;
  #answer!: () => void;
  #finish!: () => void;

  constructor() {
    this.answered = new Promise((resolve) => {
      this.#answer = resolve;
    });
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  get status(): number | undefined {
    return this.final?.status;
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  field(lowerName: string): string | undefined {
    return fieldValue(this.final?.fields ?? [], lowerName);
  }

  head(head: ResponseHead): void {
    this.#check('head');
    if (head.status >= 200 || head.status === 101) this.final = head;
    this.#answer();
  }

  data(chunk: Buffer): void {
    this.#check('data');
    this.chunks.push(Buffer.from(chunk));
    this.onData(chunk);
  }

  ended(trailers: Fields): void {
    this.#check('ended');
    this.trailers = trailers;
    this.isEnded = true;
    this.#finish();
  }

  drained(): void {
    // Nothing is held back here.
  }

  stopped(): void {
    // Nothing is held back here.
  }

  reset(reason: AditError): void {
    if (this.error) this.strays.push('reset');
    this.error = reason;
    this.#answer();
    this.#finish();
  }

  #check(call: string): void {
    if (this.isEnded || this.error) this.strays.push(call);
  }
}
