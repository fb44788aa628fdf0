import { OriginConnection } from '#internal/agent/origin-connection';
import { OriginResponses } from '#internal/agent/origin-response';
import type { Fields } from '#internal/http1/fields';
import type { ParsedRequest, ParsedResponse } from '#internal/http1/parse-head';
import { BaseUrls } from '#internal/hub/base-urls';
import { Router } from '#internal/hub/edge/router';
import { VisitorConnection } from '#internal/hub/edge/visitor-connection';
import { FakeClock } from './fake-clock.ts';
import { QuickSocket, type Reading, type ReadMessage } from './message-readings.ts';

const clock = new FakeClock();
const router = new Router({ bases: new BaseUrls([new URL('http://a.test')]), domain: '', isPathRouting: false });

/** Reads requests as the hub does: each is answered as soon as it is complete. */
export function aditReadsRequests(pieces: readonly Buffer[]): Reading {
  const reading: Reading = { messages: [], isRefused: false };
  const refuse = (): void => {
    reading.isRefused = true;
  };
  const socket = new QuickSocket();
  const handler = {
    request: (connection: VisitorConnection, request: ParsedRequest): void => {
      if (!isTarget(request)) {
        refuse();
        return;
      }
      take(connection, request, reading);
    },
    malformed: refuse,
  };
  new VisitorConnection(socket.asSocket, { isEncrypted: false, clock, handler });
  for (const piece of pieces) if (!reading.isRefused) socket.receive(piece);
  return reading;
}

function isTarget({ method, target }: ParsedRequest): boolean {
  try {
    if (method !== 'OPTIONS' || target !== '*') router.route('a.test', target);
    return true;
  } catch {
    return false;
  }
}

function take(connection: VisitorConnection, request: ParsedRequest, reading: Reading): void {
  const { method, target, version, fields } = request;
  const isKeptAlive = !connection.isLast;
  const message = { start: `${method} ${target}`, version, fields, body: '', isKeptAlive, ...unfinished };
  reading.messages.push(message);
  const answer = (trailers: Fields): void => {
    message.isComplete = true;
    message.trailers = trailers;
    connection.begin({ text: '', form: { kind: 'none' }, isLast: !isKeptAlive, isDatedHere: false });
    connection.end([]);
  };
  connection.accept({
    requestData: (chunk) => {
      message.body += chunk.toString('latin1');
    },
    requestEnd: answer,
    requestFailed: () => {
      reading.isRefused = true;
    },
    responseTaken: () => undefined,
    gone: () => undefined,
    check: () => undefined,
  });
  if (!connection.hasMore) answer([]);
}

const unfinished: Pick<ReadMessage, 'trailers' | 'isComplete'> = { trailers: [], isComplete: false };

/** Reads the responses to a request of this method as the agent does. */
export function aditReadsResponses(method: string, pieces: readonly Buffer[]): Reading {
  const reading: Reading = { messages: [], isRefused: false };
  const socket = new QuickSocket();
  let message: ReadMessage | undefined;
  let isIdle = false;
  const connection = new OriginConnection(socket.asSocket, new OriginResponses(), {
    keep: () => {
      isIdle = true;
    },
    dropped: () => undefined,
  });
  const request = {
    method,
    head: '',
    bodyBytes: 0,
    isUpgrade: false,
    isRepeatable: true,
    signsIn: false,
    names: { host: 'localhost', publicUrl: undefined, origin: undefined },
  };
  connection.begin(request, {
    responseHead: (head) => {
      const { version, status, reason, fields } = head as ParsedResponse;
      const isInterim = status < 200;
      message = { start: `${status} ${reason}`, version, fields, body: '', isKeptAlive: isInterim, ...unfinished };
      message.isComplete = isInterim;
      reading.messages.push(message);
    },
    responseData: (chunk) => {
      if (message) message.body += chunk.toString('latin1');
    },
    responseEnd: (trailers) => {
      if (!message) return;
      message.isComplete = true;
      message.isKeptAlive = isIdle;
      message.trailers = trailers;
    },
    failed: () => {
      reading.isRefused = true;
    },
    requestDrained: () => undefined,
    requestBroken: () => undefined,
  });
  connection.requestSent();
  for (const piece of pieces) if (!reading.isRefused && !socket.destroyed) connection.read(piece);
  const isOutOfStep = socket.destroyed;
  if (!reading.isRefused && !socket.destroyed) socket.receiveEnd();
  // Bytes that nobody asked for may come with the response or behind it: kept it is in neither case.
  if (message && isIdle && isOutOfStep) message.isKeptAlive = false;
  return reading;
}
