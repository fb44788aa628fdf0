import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type SecureVersion } from 'node:tls';
import type { Cleanup } from './processes.ts';

/** A response as it came over the wire, with every byte one latin1 character. */
export interface RawResponse {
  status: number;
  head: string;
  body: string;
  /** The first value of a field, by its lower-case name. */
  field(name: string): string | undefined;
}

/** A visitor that decides about every byte it sends. */
export class RawVisitor {
  readonly socket: Socket;
  /** Resolves once nothing more can come. */
  readonly closed: Promise<void>;
  #received = '';
  #isClosed = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.#received += chunk;
      this.#wake();
    });
    socket.on('error', () => undefined); // Its close says so too.
    this.closed = new Promise((resolve) => {
      const ended = (): void => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      };
      socket.once('end', ended);
      socket.once('close', ended);
    });
  }

  /** Connects to a port of 127.0.0.1; with `tls`, trusting that certificate for that name. */
  static async connect(
    t: Cleanup,
    port: number,
    tls?: { ca: string; servername: string; ALPNProtocols?: string[]; maxVersion?: SecureVersion },
  ): Promise<RawVisitor> {
    const at = { host: '127.0.0.1', port, noDelay: true };
    const socket = tls ? connectTls({ ...at, ...tls }) : connect(at);
    const visitor = new RawVisitor(socket);
    t.after(() => socket.destroy());
    await once(socket, tls ? 'secureConnect' : 'connect');
    return visitor;
  }

  /** Sends text, one byte for each character. */
  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** The next response, an interim one included. Rejects when the connection ends before it is whole. */
  async response({ isHead = false } = {}): Promise<RawResponse> {
    const head = await this.#take((text) => endOf(text, '\r\n\r\n'), 'a response head');
    const status = Number(head.split(' ')[1]);
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(head)?.[1]?.trimEnd();
    const response = { status, head, body: '', field };
    if (isHead || status < 200 || status === 204 || status === 304) return response;
    if (/chunked/i.test(field('transfer-encoding') ?? '')) response.body = await this.#chunks();
    else if (field('content-length') !== undefined) {
      const length = Number(field('content-length'));
      response.body = await this.#take((text) => (text.length >= length ? length : -1), `a body of ${length} bytes`);
    } else {
      await this.closed;
      response.body = await this.#take((text) => text.length, 'a body');
    }
    return response;
  }

  /** Bytes that have come and that no response has taken. */
  get unread(): string {
    return this.#received;
  }

  /** Waits until `count` bytes lie unread, and takes them. */
  async bytes(count: number): Promise<Buffer> {
    return Buffer.from(await this.#take((text) => (text.length >= count ? count : -1), `${count} bytes`), 'latin1');
  }

  async #chunks(): Promise<string> {
    let body = '';
    for (;;) {
      const size = Number.parseInt(await this.#take((text) => endOf(text, '\r\n'), 'a chunk size'), 16);
      const chunk = await this.#take((text) => (text.length >= size + 2 ? size + 2 : -1), 'a chunk');
      if (size === 0) return body;
      body += chunk.slice(0, size);
    }
  }

  async #take(measure: (text: string) => number, what: string): Promise<string> {
    for (;;) {
      const length = measure(this.#received);
      if (length >= 0) {
        const taken = this.#received.slice(0, length);
        this.#received = this.#received.slice(length);
        return taken;
      }
      if (this.#isClosed) throw new Error(`the connection ended before ${what}; it said: ${this.#received}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function endOf(text: string, mark: string): number {
  const at = text.indexOf(mark);
  return at === -1 ? -1 : at + mark.length;
}
