import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** What every socket here is read into: by one at a time, and used again at once. */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

/** What only Node itself gives its sockets, and takes from them. */
interface Internals {
  _handle: { useUserBuffer?: unknown } | null;
}

interface InPlaceOptions extends SocketConstructorOpts {
  handle: Internals['_handle'];
  pauseOnCreate: true;
  onread: OnReadOpts;
}

/**
 * An accepted TCP socket that is read without a new buffer of 64 KiB for each read, of which most bytes are thrown away:
 * for a small request that costs more than reading its head. Node has `onread` for sockets that connect, and none for those
 * that a server accepts. Until somebody calls {@link readInPlace}, its bytes come as any other socket's do.
 */
class InPlaceSocket extends Socket {
  receive: ((chunk: Buffer) => void) | undefined;

  constructor(handle: Internals['_handle'], allowHalfOpen: boolean) {
    const callback = (byteCount: number): boolean => this.#read(byteCount);
    const options: InPlaceOptions = {
      handle,
      allowHalfOpen,
      pauseOnCreate: true,
      onread: { buffer: readBuffer, callback },
    };
    super(options);
  }

  #read(byteCount: number): boolean {
    const chunk = readBuffer.subarray(0, byteCount);
    if (!this.receive) return this.push(Buffer.from(chunk));
    this.receive(chunk);
    return true;
  }
}

/**
 * Makes of a socket that was accepted paused, and from which nothing was read, one that can be read in place. It is paused,
 * too. Where that can't be done gives the same socket.
 */
export function inPlaceSocket(accepted: Socket): Socket {
  const internals = accepted as unknown as Internals;
  const handle = internals._handle;
  if (!handle?.useUserBuffer) return accepted;
  internals._handle = null;
  accepted.destroy();
  return new InPlaceSocket(handle, accepted.allowHalfOpen);
}

/** Reads, and gives what comes to `receive`, which must not keep the buffer: {@link isReadBuffer} says what to copy. */
export function readInPlace(socket: Socket, receive: (chunk: Buffer) => void): void {
  if (socket instanceof InPlaceSocket) socket.receive = receive;
  else socket.on('data', receive);
  socket.resume();
}

/** Takes back what was said by {@link readInPlace}. */
export function stopReadingInPlace(socket: Socket, receive: (chunk: Buffer) => void): void {
  if (socket instanceof InPlaceSocket) socket.receive = undefined;
  else socket.off('data', receive);
}

/** Whether a chunk lies where the next read goes. */
export function isReadBuffer(chunk: Buffer): boolean {
  return chunk.buffer === readBuffer.buffer;
}
