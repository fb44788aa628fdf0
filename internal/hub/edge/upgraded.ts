import type { Clock, Stop } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import type { Stream } from '#internal/link/stream';
import type { LiveWebsocket, LiveWebsockets } from './live-websockets.ts';
import type { RequestReceiver } from './request-receiver.ts';
import type { VisitorConnection } from './visitor-connection.ts';
import { type Way, WebsocketWay } from './way.ts';

/** How long an upgraded visitor may stay silent once the other side has ended. */
const silenceMs = 5_000;
/** How long a websocket may take to end once it is closed from here. */
const restartMs = 1_000;

/** Has visitors come back by themselves. */
const serviceRestart = [1012, 'service restart'] as const;
/** What the origin hears: its visitor is going away. */
const visitorLeaves = [1001, 'going away'] as const;

export interface UpgradedDeps {
  connection: VisitorConnection;
  stream: Stream;
  clock: Clock;
  websockets: LiveWebsockets;
  /** Sends bytes to the visitor. */
  write(chunk: Buffer): void;
  /** Called once both sides have ended. */
  onOver(): void;
}

/** An exchange behind the answer that changed its protocol: bytes in both directions. */
export class Upgraded implements RequestReceiver, LiveWebsocket {
  readonly #deps: UpgradedDeps;
  readonly #toVisitor: Way;
  readonly #toAgent: Way;
  bytesIn = 0;
  #unconsumedBytes = 0;
  #hasVisitorEnded = false;
  #hasAgentEnded = false;
  /** Since when only the visitor's end is missing. */
  #since = 0;
  /** Runs while a websocket is closed from here. */
  #stopRestart: Stop | undefined;
  #isVisitorGone = false;
  #isOver = false;

  constructor({ isWebsocket }: { isWebsocket: boolean }, deps: UpgradedDeps) {
    const { connection, stream, write } = deps;
    this.#deps = deps;
    this.#toVisitor = { write, end: () => connection.writer.close() };
    this.#toAgent = {
      write: (chunk) => {
        if (!stream.write(chunk)) connection.hold();
      },
      end: () => stream.end(),
    };
    if (!isWebsocket) return;
    this.#toVisitor = new WebsocketWay(this.#toVisitor, { isMasked: false });
    this.#toAgent = new WebsocketWay(this.#toAgent, { isMasked: true });
    deps.websockets.add(this);
  }

  // RequestReceiver: what comes from the visitor.

  requestData(chunk: Buffer): void {
    if (this.#isOver) return;
    this.bytesIn += chunk.length;
    if (this.#hasAgentEnded) this.#since = this.#deps.clock.now();
    this.#toAgent.write(chunk);
  }

  requestEnd(): void {
    if (this.#isOver) return;
    this.#hasVisitorEnded = true;
    this.#toAgent.end();
  }

  requestFailed(): void {
    // No bytes of another protocol are wrong here.
  }

  responseTaken(): void {
    const byteCount = this.#unconsumedBytes;
    this.#unconsumedBytes = 0;
    if (byteCount > 0) this.#deps.stream.consumed(byteCount);
  }

  gone(): void {
    this.#isVisitorGone = true;
    // A close frame may still be on its way to the origin.
    if (this.#isOver || (this.#stopRestart && !this.#hasAgentEnded)) return;
    // A connection that both sides have ended is complete.
    if (this.#hasVisitorEnded && this.#hasAgentEnded) this.#finish();
    else this.#leave();
  }

  check(now: number): void {
    if (this.#isOver || !this.#hasAgentEnded) return;
    const { writer, socket, isHeldBack } = this.#deps.connection;
    // The visitor has yet to get our end, or to be read.
    if (writer.isWaiting || isHeldBack) this.#since = now;
    else if (now - this.#since >= silenceMs) socket.destroy();
  }

  // What comes from the agent.

  data(chunk: Buffer): void {
    this.#unconsumedBytes += chunk.length;
    this.#toVisitor.write(chunk);
  }

  ended(): void {
    this.#hasAgentEnded = true;
    if (this.#isVisitorGone) {
      this.#finish();
      return;
    }
    // The visitor's own end closes the exchange, or its silence.
    this.#since = this.#deps.clock.now();
    this.#toVisitor.end();
  }

  reset({ code }: AditError): void {
    const { connection } = this.#deps;
    const way = this.#toVisitor;
    if (code === 'ADIT_LINK_LOST' && way instanceof WebsocketWay && !way.isInFrame) {
      way.close(...serviceRestart);
      connection.close();
    } else connection.cut();
    this.#finish();
  }

  // LiveWebsocket.

  restart(): void {
    if (this.#isOver || this.#stopRestart) return;
    const { connection, clock } = this.#deps;
    this.#stopRestart = clock.after(restartMs, () => {
      connection.cut();
      this.#leave();
    });
    // This one first: what is at the other end of the stream may answer the second one at once.
    (this.#toVisitor as WebsocketWay).close(...serviceRestart);
    (this.#toAgent as WebsocketWay).close(...visitorLeaves);
    // What was held back is not waited for, but the visitor's own end is.
    connection.release();
  }

  /** The visitor has left the agent alone. */
  #leave(): void {
    if (this.#isOver) return;
    this.#deps.stream.reset(new AditError('ADIT_VISITOR_GONE', 'the visitor has left'));
    this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopRestart?.();
    this.#deps.websockets.delete(this);
    this.#deps.onOver();
  }
}
