import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { Advice } from '#internal/agent/advice';
import { dispatch } from '#internal/agent/dispatch';
import { Origin } from '#internal/agent/origin';
import { parseOrigin } from '#internal/agent/origin-address';
import type { HostHeader } from '#internal/agent/origin-request';
import type { OriginTrust } from '#internal/agent/origin-trust';
import type { RequestHead } from '#internal/http1/head';
import type { AcceptedStream, StreamHandler } from '#internal/link/stream';
import { FakeClock } from './fake-clock.ts';
import type { Cleanup } from './processes.ts';
import { RecordedResponse } from './recorded-response.ts';

/** One connection that an origin has accepted, in the hands of a test. */
export class OriginSocket {
  readonly socket: Socket;
  /** Resolves once the other end has ended its side. */
  readonly ended: Promise<unknown>;
  /** Resolves once it is closed. */
  readonly closed: Promise<unknown>;
  #received = '';
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('error', () => undefined); // Its close says so too.
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#wake();
    });
    this.ended = new Promise((resolve) => socket.once('end', resolve));
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }

  /** Waits for text up to and with `mark`, and takes it. */
  async until(mark: string): Promise<string> {
    while (!this.#received.includes(mark)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const end = this.#received.indexOf(mark) + mark.length;
    const taken = this.#received.slice(0, end);
    this.#received = this.#received.slice(end);
    return taken;
  }

  /** The next request head. */
  async head(): Promise<string> {
    return await this.until('\r\n\r\n');
  }

  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Answers with a body of known length. */
  answer(body: string, fields = ''): void {
    this.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`);
  }
}

/** What an agent tells the hub besides a response, and whether the hub takes more of it. */
export interface Told {
  stopCount: number;
  consumedBytes: number;
  takesMore: boolean;
}

export interface SocketOriginOptions {
  /** How an agent is told to find it; by default by the address of its port. */
  name?: (port: number) => string;
  trust?: OriginTrust;
  /** What listens, and on what; by default plain TCP on a free port. */
  server?: Server;
  path?: string;
  /** How many connections may wait for it to take them. */
  backlog?: number;
}

/** An origin whose every byte a test decides, and an agent's way to it. */
export class SocketOrigin {
  readonly port: number;
  readonly clock = new FakeClock();
  readonly origin: Origin;
  connectionCount = 0;
  /** What whoever runs the agent is told. */
  readonly notes: string[] = [];
  readonly #advice = new Advice((note) => this.notes.push(note));
  readonly #waiting: OriginSocket[] = [];
  #wake: () => void = () => undefined;

  private constructor(port: number, name: string, trust: OriginTrust | undefined) {
    this.port = port;
    this.origin = new Origin(parseOrigin(name), this.clock, trust);
  }

  static async start(t: Cleanup, options: SocketOriginOptions = {}): Promise<SocketOrigin> {
    const { name = (port: number) => `127.0.0.1:${port}`, trust, path, backlog } = options;
    const server = options.server ?? createServer({ noDelay: true });
    server.listen({ backlog, ...(path === undefined ? { port: 0, host: '127.0.0.1' } : { path }) });
    await once(server, 'listening');
    const port = path === undefined ? (server.address() as AddressInfo).port : 0;
    const origin = new SocketOrigin(port, name(port), trust);
    server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      t.after(() => socket.destroy());
      origin.connectionCount += 1;
      origin.#waiting.push(new OriginSocket(socket));
      origin.#wake();
    });
    t.after(() => server.close());
    t.after(() => origin.origin.close());
    return origin;
  }

  /** The next connection that the agent makes. */
  async accept(): Promise<OriginSocket> {
    while (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#waiting.shift() as OriginSocket;
  }

  /** Forwards a request and gives its two ends: what answers it, and what sends its body. */
  forward(
    head: Partial<RequestHead> = {},
    { hostHeader = { kind: 'rewrite' } as HostHeader, publicHost = undefined as string | undefined } = {},
  ): { response: RecordedResponse; statuses: number[]; request: StreamHandler; told: Told } {
    const told: Told = { stopCount: 0, consumedBytes: 0, takesMore: true };
    const response = new RecordedResponse();
    const statuses: number[] = [];
    const stream: AcceptedStream = {
      head: (answer) => {
        statuses.push(answer.status);
        response.head(answer);
      },
      write: (chunk) => {
        response.data(chunk);
        return told.takesMore;
      },
      end: (trailers) => response.ended(trailers ?? []),
      stop: () => {
        told.stopCount += 1;
      },
      reset: (reason) => response.reset(reason),
      consumed: (byteCount) => {
        told.consumedBytes += byteCount;
      },
    };
    const accept = dispatch({
      origin: this.origin,
      hostHeader,
      publicHost: () => publicHost,
      probes: { nonceOf: () => undefined },
      advice: this.#advice,
    });
    const request = accept({ method: 'GET', target: '/', fields: [], ...head }, stream);
    return { response, statuses, request, told };
  }

  /** Forwards a request without a body. */
  ask(head: Partial<RequestHead> = {}): { response: RecordedResponse; statuses: number[]; told: Told } {
    const asked = this.forward(head);
    asked.request.ended([]);
    return asked;
  }
}
