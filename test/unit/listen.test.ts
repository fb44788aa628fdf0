import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { listenOn } from '#internal/hub/listen';

/** More than Node asks the system for, and few enough to be made in a fraction of a second. */
const connectionCount = 700;
const isLimited =
  process.platform !== 'linux' || Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8')) < connectionCount;

test('more connections than Node lets wait, at the same moment, are all made at once', {
  skip: isLimited,
}, async (t) => {
  const server = createServer((socket) => socket.destroy());
  const port = await listenOn(server, { host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  const startedAt = performance.now();
  // In one turn, in which none is accepted. What the system drops it asks for again after a second.
  const sockets = Array.from({ length: connectionCount }, () => connect(port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const ms = performance.now() - startedAt;
  for (const socket of sockets) socket.destroy();
  assert.ok(ms < 1_000, `${ms} ms`);
});
