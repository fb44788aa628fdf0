/** Input that is not HTTP/1.1 as RFC 9112 has it. The message says what is wrong, for people. */
export class Http1Error extends Error {
  /** The status that answers it when it came from a visitor. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
