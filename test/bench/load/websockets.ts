import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { quantile } from '../statistics.ts';
import type { Way } from '../subjects/subject.ts';

const message = 'a'.repeat(100);
const sockets = 8;
/** Messages under way on each socket. */
const depth = 32;

/** Messages a second that come back over several websockets, each with several under way. */
export async function messageRate(way: Way, seconds: number): Promise<{ rate: number }> {
  const open = await Promise.all(Array.from({ length: sockets }, () => dial(way)));
  try {
    let count = 0;
    const startedAt = performance.now();
    for (const websocket of open) {
      websocket.on('message', () => {
        count += 1;
        websocket.send(message);
      });
      for (let i = 0; i < depth; i += 1) websocket.send(message);
    }
    await sleep(seconds * 1_000);
    if (open.some(({ readyState }) => readyState !== WebSocket.OPEN)) throw new Error('a websocket was closed');
    return { rate: count / ((performance.now() - startedAt) / 1_000) };
  } finally {
    for (const websocket of open) websocket.terminate();
  }
}

/** How long one message takes there and back when nothing else is under way. */
export async function roundTrip(way: Way, seconds: number): Promise<{ p50: number; p99: number }> {
  const websocket = await dial(way);
  try {
    const times: number[] = [];
    const endAt = performance.now() + seconds * 1_000;
    while (performance.now() < endAt) {
      const sentAt = performance.now();
      websocket.send(message);
      await once(websocket, 'message', { signal: AbortSignal.timeout(5_000) });
      times.push(performance.now() - sentAt);
    }
    return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
  } finally {
    websocket.terminate();
  }
}

async function dial({ port, host }: Way): Promise<WebSocket> {
  const options = { perMessageDeflate: false, headers: { Host: host }, handshakeTimeout: 5_000 };
  const websocket = new WebSocket(`ws://127.0.0.1:${port}/`, options);
  await once(websocket, 'open');
  websocket.on('error', () => undefined); // Its state says so too.
  return websocket;
}
