import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import { newClientKey, OriginalClient } from '../support/original-client.ts';
import { startAgent, startHub } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { Relay } from '../support/relay.ts';
import { visit } from '../support/visit.ts';

const hub = await startHub({ after }, ['--metrics-listen', '127.0.0.1:0']);
const { port } = hub;
const metricsPort = Number(await hub.program.line((line) => /"metricsPort":(\d+)/.exec(line)?.[1]));

async function strayAnswers(): Promise<number> {
  const { text } = await visit({ port: metricsPort, host: '127.0.0.1', path: '/metrics' });
  return Number(/^adit_stray_answers_total (\d+)$/m.exec(text)?.[1]);
}

/** Seconds that something takes must lie in a range: neither hasty nor late. */
async function lasts<T>(range: [least: number, most: number], something: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await something;
  const seconds = (performance.now() - startedAt) / 1_000;
  assert.ok(seconds >= range[0] && seconds <= range[1], `took ${seconds.toFixed(1)} s, not ${range.join(' to ')}`);
  return result;
}

// Each of them mostly waits, so they wait together.
describe('with the deadlines that are built in', { concurrency: true }, () => {
  test('a request that is not answered is a 504 after 30 s, and a later answer is dropped and counted', async (t) => {
    const client = await OriginalClient.connect(t, hub);
    const { hostname } = await client.register(newClientKey());
    const visited = lasts([29.5, 32], visit({ port, host: String(hostname) }));
    const request = await client.next('http-request');
    const { status, headers, text } = await visited;
    assert.equal(status, 504);
    assert.equal(headers['adit-error'], 'ADIT_RESPONSE_TIMEOUT');
    assert.match(text, /30 s/);
    const before = await strayAnswers();
    client.answer(request, 'too late');
    const pong = once(client.websocket, 'pong');
    client.websocket.ping();
    await pong;
    assert.equal(await strayAnswers(), before + 1);
  });

  test('a client that is sent nothing else is sent a ping every 10 s, and stays', async (t) => {
    const client = await OriginalClient.connect(t, hub);
    const { hostname } = await client.register(newClientKey());
    for (let i = 0; i < 3; i += 1) await lasts([8.5, 12], client.next('ping'));
    const visited = visit({ port, host: String(hostname) });
    client.answer(await client.next('http-request'), 'here');
    assert.equal((await visited).text, 'here');
  });

  test('an agent that has heard nothing for 20 s dials again, and serves', async (t) => {
    const origin = await startOrigin(t);
    const relay = await Relay.start(t);
    const behind = await startHub(t, ['--base', `http://localhost:${relay.port}`]);
    relay.targets = [behind.port];
    const agent = await startAgent(t, ['--hub', `http://localhost:${relay.port}`, String(origin.port)]);
    const host = agent.hostname;
    assert.equal((await visit({ port: behind.port, host })).status, 200);
    const from = agent.program.lines.length;
    relay.stall();
    await lasts([17, 23], agent.event('offline', from));
    assert.equal((await agent.event('online', from)).hostname, host);
    assert.equal((await visit({ port: behind.port, host })).status, 200);
  });

  test('a client that is silently gone is forgotten within 20 s, with what it was asked', async (t) => {
    const relay = await Relay.start(t, [port]);
    const client = await OriginalClient.connect(t, hub, relay.port);
    const { hostname } = await client.register(newClientKey());
    relay.stall();
    const { status, headers } = await lasts([15, 22], visit({ port, host: String(hostname) }));
    assert.deepEqual([status, headers['adit-error']], [502, 'ADIT_LINK_LOST']);
    const next = await lasts([0, 1], visit({ port, host: String(hostname) }));
    assert.deepEqual([next.status, next.headers['adit-error']], [502, 'ADIT_TUNNEL_OFFLINE']);
  });

  test('a websocket without a registration is closed after 10 s', async (t) => {
    const client = await OriginalClient.connect(t, hub);
    const { code, reason } = await lasts([9, 12], client.closed);
    assert.deepEqual([code, reason], [1008, 'no registration within 10 seconds']);
  });

  test('a head that is not complete after 10 s is a 408, however slowly it goes on', async (t) => {
    const silent = await RawVisitor.connect(t, port);
    const slow = await RawVisitor.connect(t, port);
    silent.send('GET / HTTP/1.1\r\nHost: loc');
    slow.send('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    const dripping = setInterval(() => slow.send('x'), 500);
    t.after(() => clearInterval(dripping));
    await Promise.all([silent, slow].map(({ closed }) => lasts([9, 13], closed)));
    for (const { unread } of [silent, slow]) assert.match(unread, /^$|^HTTP\/1\.1 408 /);
  });

  test('a body that stops to arrive is a 408 after 30 s', async (t) => {
    const origin = await startOrigin(t);
    const agent = await startAgent(t, ['--hub', hub.url, String(origin.port)]);
    const visitor = await RawVisitor.connect(t, port);
    visitor.send(`POST /stopped HTTP/1.1\r\nHost: ${agent.hostname}\r\nContent-Length: 10\r\n\r\nfour`);
    const { status } = await lasts([29, 33], visitor.response());
    assert.equal(status, 408);
  });
});
