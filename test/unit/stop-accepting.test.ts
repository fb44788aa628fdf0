import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { TestEdge } from '../support/edge.ts';
import type { Cleanup } from '../support/processes.ts';

/** Connects, and says so in memory: the main thread does nothing else meanwhile. */
const visitorCode = `
  const { workerData: { port, isConnected } } = require('node:worker_threads');
  const socket = require('node:net').connect(port, '127.0.0.1', () => {
    Atomics.store(isConnected, 0, 1);
    Atomics.notify(isConnected, 0);
  });
  socket.on('error', () => undefined);
`;

/** Connects a visitor without letting the event loop go on: only the system has accepted it then. */
function connectMeanwhile(t: Cleanup, port: number): void {
  const isConnected = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(visitorCode, { eval: true, workerData: { port, isConnected } });
  t.after(() => worker.terminate());
  assert.equal(Atomics.wait(isConnected, 0, 0, 10_000), 'ok');
}

test('a visitor that connects while something takes long is accepted before the listener closes', async (t) => {
  const edge = await TestEdge.start(t);
  const { clock, listener, port } = edge;
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  const stream = await edge.stream();
  clock.advance(60_000);
  let isStopped = false;
  void listener.stopAccepting().then(() => {
    isStopped = true;
  });
  const isBusy = new Promise<void>((resolve) => {
    visitor.socket.once('data', () => {
      connectMeanwhile(t, port);
      clock.advance(20);
      resolve();
    });
  });
  // The wait is over in a turn of the event loop in which a visitor connects only after new ones were looked for.
  setImmediate(() => {
    stream.answer(200, []);
    clock.advance(10);
  });
  await isBusy;
  while (!isStopped) {
    clock.advance(10);
    await new Promise(setImmediate);
  }
  assert.equal(listener.visitorCount, 2);
});
