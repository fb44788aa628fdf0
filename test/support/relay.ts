import { connect, createServer, type Socket } from 'node:net';
import { FrameFollower } from './frame-follower.ts';
import { listening } from './listening.ts';
import type { Cleanup } from './processes.ts';
import { RelayPipe, type Way } from './relay-pipe.ts';

/** `up` is from whoever connects, `down` towards it. */
export type Direction = 'up' | 'down';
/** A reset, or an end as of a program that closes. */
export type Cut = 'RST' | 'FIN';

interface Passing {
  near: Socket;
  far: Socket;
  pipes: RelayPipe[];
  isCut: boolean;
}

interface ArmedCut {
  direction: Direction;
  how: Cut;
  /** How many more bytes pass. Undefined until a frame begins. */
  left: number | undefined;
  /** Where in that frame. */
  into: number;
  done(): void;
}

/** A machine on the way: forwards connections, and can break them in every way that networks do. */
export class Relay {
  port = 0;
  /** Where new connections are forwarded to, by turns; past those that refuse. */
  targets: number[];
  /** Resets new connections at once. */
  isRefusing = false;
  /** Connections that it has forwarded, and that it has cut. */
  connectionCount = 0;
  cutCount = 0;
  readonly bytes = { up: 0, down: 0 };
  readonly #way: Way;
  readonly #passing = new Set<Passing>();
  #turn = 0;
  #armed: ArmedCut | undefined;

  private constructor(targets: number[], way: Way) {
    this.targets = targets;
    this.#way = way;
  }

  static async start(t: Cleanup, targets: number[] = [], way: Way = {}): Promise<Relay> {
    const relay = new Relay(targets, way);
    const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true };
    const server = createServer(options, (near) => void relay.#accept(near));
    relay.port = await listening(t, server);
    t.after(() => {
      for (const { near, far } of relay.#passing) for (const socket of [near, far]) socket.destroy();
    });
    return relay;
  }

  /** Connections that are open now. */
  get openCount(): number {
    return this.#passing.size;
  }

  /** From now on what passes on the open connections takes so long each way. */
  slowTo(delayMs: number): void {
    for (const { pipes } of this.#passing) for (const pipe of pipes) pipe.slowTo(delayMs);
  }

  /** Cuts all connections. */
  cut(how: Cut = 'RST'): void {
    for (const passing of this.#passing) {
      passing.isCut = true;
      this.cutCount += 1;
      for (const socket of [passing.near, passing.far]) {
        // One that has sent its end cannot be reset in Node.
        if (how === 'RST' && !socket.writableEnded) socket.resetAndDestroy();
        else socket.destroySoon();
      }
    }
  }

  /** Cuts all connections once so many more bytes have passed in a direction. Resolves then. */
  async cutAfter(direction: Direction, byteCount: number, how: Cut = 'RST'): Promise<void> {
    await new Promise<void>((done) => {
      this.#armed = { direction, how, left: byteCount, into: 0, done };
    });
  }

  /** Cuts all connections so many bytes behind the beginning of the next frame of a websocket: 0 is between two. */
  async cutAtFrame(direction: Direction, into: number, how: Cut = 'RST'): Promise<void> {
    await new Promise<void>((done) => {
      this.#armed = { direction, how, left: undefined, into, done };
    });
  }

  /** Lets what is connected now hang, without closing anything. New connections are forwarded. */
  stall(): void {
    for (const { pipes } of this.#passing) for (const pipe of pipes) pipe.hold();
  }

  /** Ends {@link stall}: what has waited arrives. */
  flow(): void {
    for (const { pipes } of this.#passing) for (const pipe of pipes) pipe.release();
  }

  async #accept(near: Socket): Promise<void> {
    near.on('error', () => undefined); // Its close says so too.
    const far = this.isRefusing ? undefined : await this.#reach();
    if (!far || near.destroyed) {
      far?.destroy();
      near.resetAndDestroy();
      return;
    }
    this.connectionCount += 1;
    const passing: Passing = { near, far, pipes: [], isCut: false };
    passing.pipes.push(this.#pipe(passing, 'up', near, far), this.#pipe(passing, 'down', far, near));
    this.#passing.add(passing);
    near.resume();
  }

  /** Connects to the next target that takes it. */
  async #reach(): Promise<Socket | undefined> {
    const { targets } = this;
    for (let attempt = 0; attempt < targets.length; attempt += 1) {
      const port = targets[this.#turn % targets.length] as number;
      this.#turn += 1;
      const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      const isReached = await new Promise<boolean>((resolve) => {
        far.once('connect', () => resolve(true)).once('error', () => resolve(false));
      });
      if (isReached) return far;
    }
    return undefined;
  }

  #pipe(passing: Passing, direction: Direction, from: Socket, to: Socket): RelayPipe {
    const follower = new FrameFollower();
    const pipe = new RelayPipe(from, to, this.#way, (socket, chunk) => {
      if (!passing.isCut) this.#pass(direction, socket, chunk, follower.next(chunk));
    });
    from.on('error', () => {
      if (!pipe.isHeld) to.resetAndDestroy();
    });
    from.once('close', (hadError: boolean) => {
      if (!hadError) pipe.end();
      // The other end of one that hangs is still to be cut.
      if (to.destroyed) this.#passing.delete(passing);
    });
    return pipe;
  }

  #pass(direction: Direction, to: Socket, chunk: Buffer, frameAt: number): void {
    const armed = this.#armed?.direction === direction ? this.#armed : undefined;
    if (armed && armed.left === undefined && frameAt >= 0) armed.left = frameAt + armed.into;
    if (armed?.left === undefined || armed.left > chunk.length) {
      if (armed?.left !== undefined) armed.left -= chunk.length;
      this.bytes[direction] += chunk.length;
      to.write(chunk);
      return;
    }
    this.#armed = undefined;
    // What passes while the last bytes leave is lost.
    for (const passing of this.#passing) passing.isCut = true;
    this.bytes[direction] += armed.left;
    to.write(chunk.subarray(0, armed.left), () => {
      this.cut(armed.how);
      armed.done();
    });
  }
}
