import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { type RequestHead, readOwnHead, writeResponseHead } from '#internal/http1/head';
import type { AcceptStream, Stream, StreamHandler, StreamOpener } from '#internal/link/stream';

/** A socket for a websocket library: the head that it writes first goes to `onHead`, the bytes behind it to a stream. */
class StreamSocket extends Duplex {
  readonly #onHead: (head: string) => void;
  #head: string | undefined = '';
  stream: Stream | undefined;

  constructor(onHead: (head: string) => void) {
    super({ allowHalfOpen: false });
    this.#onHead = onHead;
    this.on('error', () => undefined); // The websocket on it is told as well.
  }

  override _read(): void {
    // What comes is pushed.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#head === undefined) this.stream?.write(chunk);
    else {
      this.#head += chunk.toString('latin1');
      const head = this.#head;
      if (head.includes('\r\n\r\n')) {
        this.#head = undefined;
        this.#onHead(head);
      }
    }
    done();
  }

  override _final(done: () => void): void {
    this.stream?.end();
    done();
  }

  handler(): StreamHandler {
    // As over a network, nothing arrives inside its sender's call.
    const later = (action: () => void): void => void setImmediate(() => this.destroyed || action());
    return {
      data: (chunk) => {
        const copy = Buffer.from(chunk);
        later(() => {
          this.push(copy);
          this.stream?.consumed(copy.length);
        });
      },
      ended: () => later(() => this.push(null)),
      drained: () => undefined,
      stopped: () => undefined,
      reset: (reason) => void this.destroy(reason),
    };
  }
}

/** A visitor's websocket through a stream. The library checks the answer to its handshake. */
export function dialWebSocket(
  opener: StreamOpener,
  { target = '/', fields = [], protocols = [] }: { target?: string; fields?: string[]; protocols?: string[] } = {},
): WebSocket {
  const socket = new StreamSocket((text) => {
    const head: RequestHead = { method: 'GET', target, fields: [...readOwnHead(text).fields, ...fields] };
    const handler = {
      ...socket.handler(),
      head: ({ status, fields: answered }: { status: number; fields: readonly string[] }) => {
        const reason = status === 101 ? 'Switching Protocols' : 'Answer';
        socket.push(Buffer.from(writeResponseHead({ status, reason, fields: answered }), 'latin1'));
      },
    };
    socket.stream = opener.open(head, handler);
  });
  return new WebSocket('ws://service.test/', protocols, {
    createConnection: () => socket as unknown as Socket,
    perMessageDeflate: false,
  });
}

/** An origin of websockets inside the process. */
export function websocketOrigin(onWebSocket: (websocket: WebSocket, head: RequestHead) => void): AcceptStream {
  const acceptor = new WebSocketServer({ noServer: true, clientTracking: false });
  return (head, stream) => {
    const socket = new StreamSocket((text) => {
      const { start, fields } = readOwnHead(text);
      stream.head({ status: Number(start.split(' ')[1]), reason: '', fields });
    });
    socket.stream = stream;
    const headers: Record<string, string> = {};
    head.fields.forEach((name, i) => {
      if (i % 2 === 0) headers[name.toLowerCase()] = head.fields[i + 1] as string;
    });
    const request = { method: head.method, url: head.target, headers, socket } as unknown as IncomingMessage;
    // The answer must not come before its handler is known.
    setImmediate(() => {
      acceptor.handleUpgrade(request, socket, Buffer.alloc(0), (websocket) => onWebSocket(websocket, head));
    });
    return socket.handler();
  };
}
