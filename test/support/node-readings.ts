import http, { type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { DeafSocket, type Reading, type ReadMessage } from './message-readings.ts';

const maxHeaderSize = 131_072;

interface Open {
  reading: Reading;
  socket: DeafSocket;
}

/** Node's own HTTP server, as a reader of requests. */
export class NodeRequestReader {
  readonly #server = http.createServer({ maxHeaderSize, requireHostHeader: false });
  readonly #open = new Map<unknown, Reading>();

  constructor() {
    // Beyond its count Node drops fields without a word.
    this.#server.maxHeadersCount = 0;
    const heard = (request: IncomingMessage, response?: ServerResponse): void => this.#heard(request, response);
    for (const event of ['request', 'checkContinue', 'checkExpectation']) this.#server.on(event, heard);
    // What follows is another protocol to Node, if it agreed to it.
    this.#server.on('connect', (request: IncomingMessage) => this.#heard(request));
    this.#server.on('clientError', (_error: Error, socket: Duplex) => {
      const reading = this.#open.get(socket);
      if (reading) reading.isRefused = true;
    });
  }

  /** Reads the bytes of several connections. */
  async read(connections: readonly Buffer[]): Promise<Reading[]> {
    const opened = connections.map((bytes): Open => {
      const socket = new DeafSocket();
      const reading: Reading = { messages: [], isRefused: false };
      this.#open.set(socket, reading);
      this.#server.emit('connection', socket);
      socket.receive(bytes);
      return { reading, socket };
    });
    await settle();
    this.#open.clear();
    for (const { socket } of opened) socket.destroy();
    return opened.map(({ reading }) => reading);
  }

  #heard(request: IncomingMessage, response?: ServerResponse): void {
    const { method, url, httpVersion, socket } = request;
    const isKeptAlive = response?.shouldKeepAlive ?? false;
    this.#open.get(socket)?.messages.push(recorded(request, `${method} ${url}`, httpVersion, isKeptAlive));
  }
}

/** Node's own HTTP client, as a reader of the responses to requests of one method. */
export async function nodeReadsResponses(method: string, connections: readonly Buffer[]): Promise<Reading[]> {
  const arrivals: (() => void)[] = [];
  const opened = connections.map((bytes): Open => {
    const socket = new DeafSocket();
    const reading: Reading = { messages: [], isRefused: false };
    const agent = new http.Agent({ keepAlive: true });
    agent.createConnection = () => socket;
    const request = http.request({ method, agent, maxHeaderSize, path: '/' });
    hear(request, reading);
    request.end();
    arrivals.push(() => socket.receiveAll(bytes));
    return { reading, socket };
  });
  await settle();
  for (const arrive of arrivals) arrive();
  await settle();
  for (const { socket } of opened) socket.destroy();
  return opened.map(({ reading }) => reading);
}

function hear(request: ClientRequest, reading: Reading): void {
  request.on('error', () => {
    reading.isRefused = true;
  });
  request.on('information', ({ statusCode, httpVersion, rawHeaders, statusMessage }) => {
    const start = `${statusCode} ${statusMessage}`;
    const rest = { body: '', trailers: [], isKeptAlive: true, isComplete: true };
    reading.messages.push({ start, version: httpVersion, fields: rawHeaders, ...rest });
  });
  request.on('response', (response) => {
    const { statusCode, statusMessage, httpVersion } = response;
    reading.messages.push(recorded(response, `${statusCode} ${statusMessage}`, httpVersion, request.shouldKeepAlive));
  });
}

/** Lets Node tell everything that it has read. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

function recorded(incoming: IncomingMessage, start: string, version: string, isKeptAlive: boolean): ReadMessage {
  const fields = incoming.rawHeaders;
  const message: ReadMessage = { start, version, fields, body: '', trailers: [], isKeptAlive, isComplete: false };
  incoming.on('data', (chunk: Buffer) => {
    message.body += chunk.toString('latin1');
  });
  incoming.on('error', () => undefined);
  incoming.once('end', () => {
    message.isComplete = incoming.complete;
    message.trailers = incoming.rawTrailers;
  });
  return message;
}
