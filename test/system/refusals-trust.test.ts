import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Echo, echoed, startOrigin } from '../support/origin.ts';
import { startTunnel, type Tunnel } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const origin = await startOrigin({ after });
const direct = await startTunnel({ after }, origin.port);
const behindProxy = await startTunnel({ after }, origin.port, { hubArgs: ['--trusted-proxies', 'loopback'] });

async function seenWith(headers: Record<string, string>, { port, host }: Tunnel = direct): Promise<Echo> {
  const answer = await visit({ port, host, headers });
  assert.equal(answer.status, 200);
  return echoed(answer);
}

test('what a visitor claims of its own address, scheme and host is overwritten', async () => {
  const { headers } = await seenWith({
    'X-Forwarded-For': '6.6.6.6',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'evil.test',
    'X-Forwarded-Port': '1',
    'X-Real-IP': '6.6.6.6',
    Forwarded: 'for=6.6.6.6',
  });
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(headers['x-forwarded-proto'], 'http');
  assert.equal(headers['x-forwarded-host'], direct.host);
  assert.match(headers['forwarded'] ?? '', /^for=127\.0\.0\.1;/);
  assert.ok(!JSON.stringify(headers).includes('6.6.6.6'));
  assert.deepEqual([headers['x-forwarded-port'], headers['x-real-ip']], [undefined, undefined]);
});

test('what a trusted proxy in front tells is kept, and its own address is added', async () => {
  const claims = { 'X-Forwarded-For': '192.0.2.7', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'shop.test' };
  const { headers } = await seenWith(claims, behindProxy);
  assert.equal(headers['x-forwarded-for'], '192.0.2.7, 127.0.0.1');
  assert.equal(headers['x-forwarded-proto'], 'https');
  assert.equal(headers['x-forwarded-host'], 'shop.test');
});

test('names that only look like forwarding fields are dropped, and other underscores pass', async () => {
  for (const tunnel of [direct, behindProxy]) {
    const claims = { X_Forwarded_For: '6.6.6.6', 'x_forwarded-proto': 'https', X_Real_IP: '6.6.6.6', X_Own: 'kept' };
    const { headers } = await seenWith(claims, tunnel);
    assert.ok(!JSON.stringify(headers).includes('6.6.6.6'));
    assert.equal(headers['x_forwarded-proto'], undefined);
    assert.equal(headers['x_own'], 'kept');
  }
});

test('fields that Connection names are taken away, and ours can not be', async () => {
  const { headers } = await seenWith({
    Connection: 'close, X-Forwarded-For, X-Forwarded-Host, X-Secret',
    'X-Secret': 'hop',
    'X-Forwarded-For': '6.6.6.6',
  });
  assert.equal(headers['x-secret'], undefined);
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(headers['x-forwarded-host'], direct.host);
});

test('fields of one connection are not forwarded', async () => {
  const hop = { 'Keep-Alive': 'timeout=5', TE: 'gzip', Trailer: 'X-T', 'Proxy-Authorization': 'Basic eA==' };
  // Node sends Trailer only ahead of a body in chunks.
  const { headers } = await seenWith({ ...hop, 'Proxy-Connection': 'keep-alive', 'Transfer-Encoding': 'chunked' });
  for (const name of [...Object.keys(hop), 'Proxy-Connection']) assert.equal(headers[name.toLowerCase()], undefined);
});

test('a field that is named like a property of every object is a field like any other', async () => {
  const { rawHeaders } = await seenWith({ ['__proto__']: 'x', constructor: 'y', 'X-Own': 'z' });
  const at = rawHeaders.findIndex((name) => name.toLowerCase() === '__proto__');
  assert.equal(rawHeaders[at + 1], 'x');
  assert.equal(rawHeaders[rawHeaders.findIndex((name) => name.toLowerCase() === 'constructor') + 1], 'y');
});
