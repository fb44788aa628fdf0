import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import { startTunnel } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const large = Buffer.alloc(500_000);
const origin = await startOrigin({ after }, (request, response) => {
  response.end(request.url === '/large' ? large : 'good');
});
const { port, host } = await startTunnel({ after }, origin.port, { hubArgs: ['--rate-limit', 'off'] });

/** A visitor that sends this, and then neither reads nor writes. Given once it has been sent. */
async function slow(text: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  after(() => socket.destroy());
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

/** The time within which 99 of 100 good requests were answered. */
async function p99(): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const times: number[] = [];
  const ask = async (): Promise<void> => {
    for (let i = 0; i < 150; i += 1) {
      const startedAt = performance.now();
      const { text } = await visit({ port, host, agent });
      times.push(performance.now() - startedAt);
      assert.equal(text, 'good');
    }
  };
  await Promise.all([ask(), ask(), ask(), ask()]);
  agent.destroy();
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] as number;
}

test('2,000 slow visitors hardly slow the others down', async (t) => {
  await p99(); // Until everything is warm.
  const before = await p99();
  const named = `HTTP/1.1\r\nHost: ${host}\r\n`;
  const heads = new Array<string>(1_200).fill(`GET /slow-head ${named}X: `);
  const bodies = new Array<string>(400).fill(`POST /slow-body ${named}Content-Length: 100000\r\n\r\nx`);
  const readers = new Array<string>(400).fill(`GET /large ${named}\r\n`);
  const visitors: Socket[] = [];
  // In groups, since nobody can accept that many at once.
  const all = [...heads, ...bodies, ...readers];
  for (let i = 0; i < all.length; i += 100) {
    visitors.push(...(await Promise.all(all.slice(i, i + 100).map((text) => slow(text)))));
  }
  await p99(); // Until the readers' sockets hold what they do not read.
  const meanwhile = await p99();
  t.diagnostic(`p99 ${before.toFixed(1)} ms before, ${meanwhile.toFixed(1)} ms meanwhile`);
  // Other programs on this machine cost a few milliseconds now and then.
  assert.ok(meanwhile <= 2 * before + 15, `${before} ms, then ${meanwhile} ms`);
  assert.equal(visitors.filter((socket) => socket.destroyed).length, 0);
  assert.ok(!origin.journal.includes('GET /slow-head'));
});
