import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { echo, echoed, startOrigin } from '../support/origin.ts';
import { startTunnel } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { visit } from '../support/visit.ts';

/** The most bytes of one body by default. */
const limit = 512_000;
const origin = await startOrigin({ after }, (request, response, body) => {
  const length = /^\/bytes\/(\d+)/.exec(request.url ?? '')?.[1];
  if (length === undefined) echo(request, response, body);
  else response.end(randomBytes(Number(length)));
});
const { port, host } = await startTunnel({ after }, origin.port, { agentArgs: ['--wire', 'v1'] });

test('a request body of exactly the limit passes', async () => {
  const { status, text } = await visit({ port, host, method: 'POST', path: '/exact', body: randomBytes(limit) });
  assert.equal(status, 200);
  assert.equal(echoed({ text }).bodyLength, limit);
});

test('a request body over the limit is refused before it was read, and never reaches the service', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(`POST /declared HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${limit + 1}\r\n\r\n`);
  const { status, body, field } = await visitor.response();
  assert.equal(status, 413);
  assert.equal(field('adit-error'), 'ADIT_REQUEST_TOO_LARGE');
  assert.match(body, /512000 bytes.*--max-body/);
  assert.ok(!origin.journal.some((line) => line.includes('/declared')));
});

test('a request body that turns out to be over the limit is refused there', async () => {
  const headers = { 'Transfer-Encoding': 'chunked' };
  const body = randomBytes(limit + 1);
  const answer = await visit({ port, host, method: 'POST', path: '/chunked', body, headers });
  assert.equal(answer.status, 413);
  assert.match(answer.text, /512000 bytes.*--max-body/);
  assert.ok(!origin.journal.some((line) => line.includes('/chunked')));
});

test('a response body of exactly the limit passes', async () => {
  const { status, body } = await visit({ port, host, path: `/bytes/${limit}` });
  assert.deepEqual([status, body.length], [200, limit]);
});

test('a response body over the limit is a 502 at once', async () => {
  for (const length of [limit + 1, 3 * limit]) {
    const startedAt = performance.now();
    const { status, headers, text } = await visit({ port, host, path: `/bytes/${length}` });
    assert.equal(status, 502);
    assert.equal(headers['adit-error'], 'ADIT_RESPONSE_TOO_LARGE');
    assert.match(text, /512000 bytes/);
    assert.ok(performance.now() - startedAt < 2_000);
  }
});

test('--max-body lowers the limit in both directions', async (t) => {
  const small = await startTunnel(t, origin.port, { hubArgs: ['--max-body', '1000'] });
  const ask = (path: string, length: number) =>
    visit({ port: small.port, host: small.host, method: 'POST', path, body: randomBytes(length) });
  assert.equal((await ask('/max/1', 1_000)).status, 200);
  const tooLarge = await ask('/max/2', 1_001);
  assert.equal(tooLarge.status, 413);
  assert.match(tooLarge.text, /1000 bytes of --max-body/);
  assert.equal((await ask('/bytes/1000', 1)).status, 200);
  const answer = await ask('/bytes/1001', 1);
  assert.equal(answer.status, 502);
  assert.equal(answer.headers['adit-error'], 'ADIT_RESPONSE_TOO_LARGE');
  assert.ok(!origin.journal.includes('POST /max/2'));
});

test('whoever runs the agent is told that an answer was too large', async (t) => {
  const tunnel = await startTunnel(t, origin.port);
  const { status } = await visit({ port: tunnel.port, host: tunnel.host, path: `/bytes/${8 * limit}?not=told` });
  assert.equal(status, 502);
  const { message } = await tunnel.agent.event('note');
  assert.match(message ?? '', /^GET \/bytes\/4096000: response body exceeds the 512000 bytes of --max-body: whoever/);
});

test('--max-body unlimited does not lift the limit of wire v1', async (t) => {
  const hubArgs = ['--max-body', 'unlimited'];
  const wide = await startTunnel(t, origin.port, { hubArgs, agentArgs: ['--wire', 'v1'] });
  const at = { port: wide.port, host: wide.host };
  assert.equal((await visit({ ...at, method: 'POST', body: randomBytes(limit + 1) })).status, 413);
  assert.equal((await visit({ ...at, path: `/bytes/${limit + 1}` })).status, 502);
});

test('--rate-limit answers 429 and says when to come again', async (t) => {
  const slow = await startTunnel(t, origin.port, { hubArgs: ['--rate-limit', '5/1m'] });
  const ask = (path: string) => visit({ port: slow.port, host: slow.host, path });
  for (let i = 0; i < 5; i += 1) assert.equal((await ask(`/rate/${i}`)).status, 200);
  const { status, headers } = await ask('/rate/over');
  assert.equal(status, 429);
  assert.equal(headers['adit-error'], 'ADIT_RATE_LIMITED');
  const seconds = Number(headers['retry-after']);
  assert.ok(seconds > 50 && seconds <= 60, `${seconds}`);
  assert.ok(!origin.journal.includes('GET /rate/over'));
  // The hub itself and other tunnels go on.
  assert.equal((await visit({ port: slow.port, host: 'localhost' })).status, 200);
  assert.equal((await visit({ port, host })).status, 200);
});
