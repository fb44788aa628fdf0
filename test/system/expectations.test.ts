import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { echoed, startOrigin } from '../support/origin.ts';
import { startTunnel } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';

const origin = await startOrigin({ after });
const { port, host } = await startTunnel({ after }, origin.port);
const post = (path: string, ...fields: string[]): string =>
  [`POST ${path} HTTP/1.1`, `Host: ${host}`, ...fields, '', ''].join('\r\n');

test('Expect: 100-continue is met exactly once, before the body', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(post('/continue', 'Expect: 100-continue', 'Content-Length: 4'));
  assert.equal((await visitor.response()).status, 100);
  visitor.send('four');
  const { status, body } = await visitor.response();
  assert.equal(status, 200);
  assert.equal(echoed({ text: body }).bodyLength, 4);
  visitor.send(post('/after', 'Content-Length: 0'));
  assert.equal((await visitor.response()).status, 200);
  assert.equal(visitor.unread, '');
});

test('a body that does not wait for its 100 passes all the same', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(`${post('/impatient', 'Expect: 100-Continue', 'Content-Length: 4')}four`);
  const first = await visitor.response();
  const { status, body } = first.status === 100 ? await visitor.response() : first;
  assert.equal(status, 200);
  assert.equal(echoed({ text: body }).bodyLength, 4);
});

test('a body that would be refused is not asked for', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(post('/refused', 'Expect: 100-continue', 'Content-Length: 1000000000'));
  assert.equal((await visitor.response()).status, 413);
  assert.ok(!origin.journal.includes('POST /refused'));
});

test('HTTP/1.0 gets no interim answer', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(`POST /old HTTP/1.0\r\nHost: ${host}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nfour`);
  const { status, body } = await visitor.response();
  assert.equal(status, 200);
  assert.equal(echoed({ text: body }).bodyLength, 4);
  await visitor.closed;
});

test('any other expectation is a 417', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(post('/banana', 'Expect: banana', 'Content-Length: 0'));
  const { status, field } = await visitor.response();
  assert.equal(status, 417);
  assert.equal(field('adit-error'), 'ADIT_EXPECTATION_FAILED');
  assert.ok(!origin.journal.includes('POST /banana'));
});

test('TRACE and CONNECT are not forwarded', async (t) => {
  for (const line of ['TRACE /trace', `CONNECT 127.0.0.1:${origin.port}`, `CONNECT ${host}`]) {
    const visitor = await RawVisitor.connect(t, port);
    visitor.send(`${line} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const { status, field } = await visitor.response();
    assert.equal(status, 405, line);
    assert.match(field('allow') ?? '', /^GET, /);
  }
  assert.ok(!origin.journal.some((line) => line.startsWith('TRACE')));
});

test('an upgrade to HTTP/2 is ignored', async (t) => {
  const upgrade = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'];
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(`GET /h2c HTTP/1.1\r\nHost: ${host}\r\n${upgrade.join('\r\n')}\r\n\r\n`);
  const get = await visitor.response();
  assert.equal(get.status, 200);
  const seen = echoed({ text: get.body });
  assert.deepEqual([seen.url, seen.headers['upgrade'], seen.headers['http2-settings']], ['/h2c', undefined, undefined]);
  visitor.send(`${post('/h2c', ...upgrade, 'Content-Length: 4')}four${post('/next', 'Content-Length: 0')}`);
  const posted = echoed({ text: (await visitor.response()).body });
  assert.deepEqual([posted.method, posted.bodyLength], ['POST', 4]);
  assert.equal(echoed({ text: (await visitor.response()).body }).url, '/next');
});
