import { type OnReadOpts, Socket } from 'node:net';
import type { Stop } from './clock.ts';
import { countGarbage } from './young-garbage.ts';

/** What sockets are read into: by one at a time, and used again at once. */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

/**
 * Behind which no more is read of one socket before all others have been looked at: it is the second whole read that gets
 * there. The system would hand out up to 32 reads in a row, and whoever asks for a few bytes would wait for two megabytes
 * of somebody else's.
 */
const turnBytes = 98_304;

/** What a read leaves behind is an eighth of its length at most, as a power of two. */
const garbageShift = 3;

/** Reads of one socket. They go to `receive`; as long as there is none the socket is a stream like any other. */
class InPlaceReads {
  socket!: Socket;
  receive: ((chunk: Buffer) => void) | undefined;
  #buffer = readBuffer;
  #turnBytes = 0;
  readonly onread: OnReadOpts = {
    // Asked for each attempt to connect, and after each read for the next one.
    buffer: () => this.#buffer,
    callback: (byteCount) => this.#read(byteCount),
  };

  /** Has reads bring no more than this many bytes, from the next but one on. */
  limit(byteCount: number): void {
    this.#buffer = readBuffer.subarray(0, byteCount);
  }

  #read(byteCount: number): boolean {
    const chunk = readBuffer.subarray(0, byteCount);
    // What has been read before goes first.
    if (!this.receive || this.socket.readableLength > 0) return this.socket.push(Buffer.from(chunk));
    this.receive(chunk);
    // No buffer is left behind, but small things are: views, frames, callbacks.
    countGarbage(byteCount >> garbageShift);
    // Somebody else's now, who reads it another way.
    if (!this.receive) return true;
    this.#turnBytes += byteCount;
    if (this.#turnBytes < turnBytes) return true;
    this.#turnBytes = 0;
    setImmediate(this.#goOn);
    return false;
  }

  readonly #goOn = (): void => {
    if (this.receive && !this.socket.isPaused()) this.socket.resume();
  };
}

/** Where a socket keeps its reads. */
const readsOf = Symbol('reads');

interface InPlaceSocket extends Socket {
  [readsOf]?: InPlaceReads;
}

function keepReads(socket: InPlaceSocket, reads: InPlaceReads): void {
  reads.socket = socket;
  socket[readsOf] = reads;
}

/** Makes a socket that can be read in place: `connect` must give it `onread`. */
export function connectInPlace(connect: (onread: OnReadOpts) => Socket): Socket {
  const reads = new InPlaceReads();
  const socket = connect(reads.onread);
  keepReads(socket, reads);
  return socket;
}

/** Where Node keeps what the option `onread` gave a socket. */
interface OnReadPlaces {
  buffer: symbol;
  nextBuffer: symbol;
  callback: symbol;
}

const onReadPlaces = findOnReadPlaces(new Socket());

function findOnReadPlaces(socket: Socket): OnReadPlaces | undefined {
  const symbols = Object.getOwnPropertySymbols(socket);
  const [buffer, nextBuffer, callback] = ['kBuffer', 'kBufferGen', 'kBufferCb'].map((name) =>
    symbols.find(({ description }) => description === name),
  );
  return buffer && nextBuffer && callback ? { buffer, nextBuffer, callback } : undefined;
}

/** What only Node itself sets of its sockets. */
interface Internals {
  _handle?: { useUserBuffer?: (buffer: Uint8Array) => void } | null;
  [place: symbol]: unknown;
}

/**
 * Makes a socket that was accepted, plain or TLS, one that can be read in place. A read takes a new buffer otherwise, of
 * which most is thrown away: that costs more than reading a small request's head. Node has `onread` for sockets that
 * connect, and none for those that a server accepts, so what that option does is done behind its back. Where that can't
 * be done the socket is left as it is.
 */
export function acceptInPlace(socket: Socket): void {
  const internals = socket as unknown as Internals;
  const handle = internals._handle;
  if (!onReadPlaces || !handle?.useUserBuffer) return;
  const reads = new InPlaceReads();
  keepReads(socket, reads);
  internals[onReadPlaces.buffer] = readBuffer;
  internals[onReadPlaces.nextBuffer] = reads.onread.buffer;
  internals[onReadPlaces.callback] = reads.onread.callback;
  handle.useUserBuffer(readBuffer);
}

/**
 * Has everything that comes on a socket, whenever it is not paused, given to `receive` until that is stopped. The chunk's
 * buffer may be used again afterwards. From the second one on a chunk that was read in place has `mostBytes` at most.
 */
export function readInPlace(
  socket: Socket,
  receive: (chunk: Buffer) => void,
  mostBytes: number = readBuffer.length,
): Stop {
  const reads = (socket as InPlaceSocket)[readsOf];
  const receiveOwn = (chunk: Buffer): void => {
    countGarbage(chunk.length);
    receive(chunk);
  };
  socket.on('data', receiveOwn);
  if (reads) {
    reads.receive = receive;
    reads.limit(mostBytes);
  }
  return () => {
    socket.off('data', receiveOwn);
    if (reads) reads.receive = undefined;
  };
}

/** Whether a chunk lies where the next read goes. */
export function isReadBuffer(chunk: Buffer): boolean {
  return chunk.buffer === readBuffer.buffer;
}
