import { silentLog } from '#internal/core/log';
import type { RequestHead } from '#internal/http1/head';
import { Networks } from '#internal/hub/addresses';
import { BaseUrls } from '#internal/hub/base-urls';
import { ConnectionCounter } from '#internal/hub/connection-counter';
import { Edge } from '#internal/hub/edge/edge';
import type { FindOpener } from '#internal/hub/edge/find-opener';
import { Listener } from '#internal/hub/edge/listener';
import { LiveWebsockets } from '#internal/hub/edge/live-websockets';
import { Router } from '#internal/hub/edge/router';
import { UnderWay } from '#internal/hub/edge/under-way';
import { Gate } from '#internal/hub/gate';
import { Metrics } from '#internal/hub/metrics';
import type { ResponseHandler, Stream, StreamOpener } from '#internal/link/stream';
import { FakeClock } from './fake-clock.ts';
import type { Cleanup } from './processes.ts';
import { RawVisitor } from './raw-visitor.ts';

/** The agent's end of a stream, in the hand of a test. */
export class OpenedStream implements Stream {
  readonly head: RequestHead;
  readonly handler: ResponseHandler;
  /** What the edge did, in order; data as latin1. */
  readonly calls: string[] = [];
  consumedBytes = 0;
  isHolding = false;
  #wake: () => void = () => undefined;

  constructor(head: RequestHead, handler: ResponseHandler) {
    this.head = head;
    this.handler = handler;
  }

  write(chunk: Buffer): boolean {
    this.#heard(`data ${chunk.toString('latin1')}`);
    return !this.isHolding;
  }

  end(trailers: readonly string[] = []): void {
    this.#heard(['end', ...trailers].join(' '));
  }

  stop(): void {
    this.#heard('stop');
  }

  reset(reason: { code: string }): void {
    this.#heard(`reset ${reason.code}`);
  }

  consumed(byteCount: number): void {
    this.consumedBytes += byteCount;
  }

  /** Waits until the edge has done that. */
  async until(call: string): Promise<void> {
    while (!this.calls.includes(call)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Answers with a whole response. */
  answer(status: number, fields: string[], body = ''): void {
    this.handler.head({ status, reason: '', fields });
    if (body !== '') this.handler.data(Buffer.from(body, 'latin1'));
    this.handler.ended([]);
  }

  #heard(call: string): void {
    this.calls.push(call);
    this.#wake();
  }
}

export interface EdgeOptions {
  isTransparent?: boolean;
  maxBodyBytes?: number;
  /** Looks at each request before its stream opens; what it throws is a mistake of the hub. */
  onOpen?(head: RequestHead): void;
  isProbe?: (clientId: string, target: string) => boolean | Promise<boolean>;
  /** The peers that are believed; none without it. */
  trustedProxies?: string;
  maxConnectionsPerIp?: number;
  /** Who serves the tunnel; `opener` gives a session whose streams end in the test. */
  findOpener?: (opener: (session: string) => StreamOpener) => ReturnType<FindOpener>;
}

/** A public listener with everything behind it but agents: streams end in the test. Time stands still. */
export class TestEdge {
  readonly clock = new FakeClock();
  readonly host = `${'a'.repeat(51)}q.tunnel.test`;
  readonly underWay = new UnderWay();
  readonly websockets = new LiveWebsockets();
  readonly listener: Listener;
  port = 0;
  /** Resolves once a visitor has been accepted. */
  readonly seen: Promise<void>;
  #accepted!: () => void;
  readonly #streams: OpenedStream[] = [];
  #wake: () => void = () => undefined;

  private constructor(options: EdgeOptions) {
    const { isTransparent = true, maxBodyBytes = Number.POSITIVE_INFINITY } = options;
    const { findOpener = (opener) => opener('session'), trustedProxies = '', maxConnectionsPerIp = 1_000 } = options;
    this.seen = new Promise((resolve) => {
      this.#accepted = resolve;
    });
    const open = (head: RequestHead, handler: ResponseHandler): Stream => {
      options.onOpen?.(head);
      const stream = new OpenedStream(head, handler);
      this.#streams.push(stream);
      this.#wake();
      return stream;
    };
    const domain = 'tunnel.test';
    const edge = new Edge(
      { domain, trustedProxies: Networks.parse(trustedProxies) },
      {
        clock: this.clock,
        log: silentLog,
        metrics: new Metrics({ sessions: () => 0, tunnels: () => 0, states: () => ({}) }),
        underWay: this.underWay,
        websockets: this.websockets,
        gate: new Gate({ limiter: undefined, maxBodyBytes }),
        router: new Router({ bases: new BaseUrls([new URL('http://hub.test')]), domain, isPathRouting: false }),
        counter: new ConnectionCounter(maxConnectionsPerIp),
        timeoutMs: 30_000,
        findOpener: () => findOpener((session) => ({ session, isTransparent, open })),
        isProbe: options.isProbe ?? (() => false),
        handOver: (socket) => void socket.destroy(),
      },
    );
    this.listener = new Listener(
      {
        request: (connection, request) => edge.request(connection, request),
        malformed: (connection, error) => edge.malformed(connection, error),
        connection: () => {
          this.#accepted();
          return true;
        },
        noHandshake: () => undefined,
      },
      this.clock,
    );
  }

  static async start(t: Cleanup, options: EdgeOptions = {}): Promise<TestEdge> {
    const edge = new TestEdge(options);
    edge.port = await edge.listener.listen({ host: '127.0.0.1', port: 0 });
    t.after(async () => {
      const closed = edge.listener.close();
      edge.listener.destroyConnections();
      await closed;
    });
    return edge;
  }

  /** A visitor that has sent `text`. */
  async visit(t: Cleanup, text = ''): Promise<RawVisitor> {
    const visitor = await RawVisitor.connect(t, this.port);
    if (text !== '') visitor.send(text);
    return visitor;
  }

  /** A visitor that has sent three bytes of a body, and the stream that has taken them and wants no more for now. */
  async visitHeldBack(t: Cleanup, byteCount: number): Promise<{ visitor: RawVisitor; stream: OpenedStream }> {
    const visitor = await this.visit(t, this.head('POST / HTTP/1.1', `Content-Length: ${byteCount}`));
    const stream = await this.stream();
    stream.isHolding = true;
    visitor.send('abc');
    await stream.until('data abc');
    return { visitor, stream };
  }

  /** A request's head for the tunnel. */
  head(line: string, ...fields: string[]): string {
    return [line, `Host: ${this.host}`, ...fields, '', ''].join('\r\n');
  }

  /** The next stream that the edge opens. */
  async stream(): Promise<OpenedStream> {
    for (;;) {
      const stream = this.#streams.shift();
      if (stream) return stream;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
