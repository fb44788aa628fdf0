import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { type Log, silentLog } from '#internal/core/log';
import type { RequestHead } from '#internal/http1/head';
import type { AcceptedStream, AcceptStream } from '#internal/link/stream';
import { V1AgentSession } from '#internal/link/v1/agent-session';
import { FakeClock } from '../support/fake-clock.ts';
import { type Members, Peer, quietTurns } from '../support/peer.ts';
import { responseHead, silentHandler, streamOrigin } from '../support/stream-origin.ts';
import { textLinkPair } from '../support/text-link-pair.ts';

const id = '5d1f4b8e-7a52-4b0c-8f0e-3b6a4d2c9e71';
const get = { '@id': id, url: '/', query: '', headers: {}, method: 'GET', body: '' };

function connect(accept: AcceptStream, maxBodyBytes = 1_000) {
  const clock = new FakeClock();
  const pair = textLinkPair();
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
  const deps = { clock, log, accept, onRegistered: () => undefined, onClosed: () => undefined };
  const session = new V1AgentSession({ maxBodyBytes, abandonMs: 300_000 }, deps, pair.right);
  return { clock, pair, warnings, session, peer: new Peer(pair.left) };
}

function bodyOf(document: Members): string {
  return Buffer.from(String(document['body']), 'base64').toString();
}

function headerOf(document: Members, name: string): unknown {
  return (document['headers'] as Members)[name];
}

test('a body of exactly the limit passes, one byte more becomes a 502 that says so', async () => {
  for (const [byteCount, status, code] of [
    [1_000, 200, undefined],
    [1_001, 502, 'ADIT_RESPONSE_TOO_LARGE'],
  ] as const) {
    const { peer } = connect(streamOrigin(() => ({ body: Buffer.alloc(byteCount, 'x') })));
    peer.send('http-request', get);
    const answer = await peer.document('http-response');
    assert.deepEqual([answer['@id'], answer['status'], headerOf(answer, 'Adit-Error')], [id, status, code]);
    await quietTurns();
    assert.equal(peer.unreadCount, 0);
  }
});

test('an origin whose answer is too large is told to stop', async () => {
  const reasons: AditError[] = [];
  const { peer } = connect((_head, stream) => {
    setImmediate(() => {
      stream.head(responseHead(200));
      stream.write(Buffer.alloc(700));
      stream.write(Buffer.alloc(700));
      stream.write(Buffer.alloc(700));
      stream.end();
    });
    return { ...silentHandler, reset: (reason) => reasons.push(reason) };
  });
  peer.send('http-request', get);
  assert.equal((await peer.document('http-response'))['status'], 502);
  await quietTurns();
  assert.equal(peer.unreadCount, 0);
  assert.deepEqual(
    reasons.map(({ code }) => code),
    ['ADIT_RESPONSE_TOO_LARGE'],
  );
});

test('of several cookies the first one travels, which is logged once', async () => {
  const fields = ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Set-Cookie', 'c=3'];
  const { peer, warnings } = connect(streamOrigin(() => ({ fields })));
  for (let i = 0; i < 3; i += 1) {
    peer.send('http-request', { ...get, '@id': `${id}-${i}` });
    assert.equal(headerOf(await peer.document('http-response'), 'Set-Cookie'), 'a=1');
  }
  assert.equal(warnings.filter((message) => message.includes('cookies')).length, 1);
});

for (const [what, members] of Object.entries({
  'a header with CR LF': { headers: { 'X-A': 'a\r\nX-B: b' } },
  'a header name with a blank': { headers: { 'X A': 'a' } },
  'a method that is no token': { method: 'GET /evil HTTP/1.1\r\nX:' },
  'an empty method': { method: '' },
})) {
  test(`a request with ${what} is answered with 400 and reaches no origin`, async () => {
    const { peer } = connect(() => assert.fail('it reached the origin'));
    peer.send('http-request', { ...get, ...members });
    const answer = await peer.document('http-response');
    assert.deepEqual([answer['@id'], answer['status']], [id, 400]);
    assert.equal(headerOf(answer, 'Adit-Error'), 'ADIT_BAD_REQUEST');
  });
}

test('a websocket with a header with CR LF is refused and reaches no origin', async () => {
  const { peer } = connect(() => assert.fail('it reached the origin'));
  peer.send('ws-request', { '@id': id, url: '/', headers: { 'X-A': 'a\r\nX-B: b' } });
  const answer = await peer.document('ws-response');
  assert.deepEqual([answer['@id'], answer['ok']], [id, false]);
  assert.match(String(answer['error']), /"X-A" is not a valid field/);
});

test('a path that came decoded is encoded again', async () => {
  const asked: RequestHead[] = [];
  const { peer } = connect(
    streamOrigin((head) => {
      asked.push(head);
      return {};
    }),
  );
  for (const url of ['/a b', '/a?b', '/a#b', '/ž', '/a%2Fb', '/a\r\nX-Evil: 1']) {
    peer.send('http-request', { ...get, '@id': url, url, query: 'q=1' });
    await peer.document('http-response');
  }
  const targets = ['/a%20b?q=1', '/a%3Fb?q=1', '/a%23b?q=1', '/%C5%BE?q=1', '/a%2Fb?q=1', '/a%0D%0AX-Evil:%201?q=1'];
  assert.deepEqual(
    asked.map(({ target }) => target),
    targets,
  );
});

test('the origin is told the true length of a body', async () => {
  const asked: (readonly string[])[] = [];
  const { peer } = connect(
    streamOrigin(({ fields }, body) => {
      asked.push([...fields, String(body.length)]);
      return {};
    }),
  );
  const body = Buffer.from('hello').toString('base64');
  peer.send('http-request', { ...get, method: 'POST', headers: { 'Content-Length': '9999', 'X-A': '1' }, body });
  peer.send('http-request', { ...get, '@id': 'b', method: 'POST' });
  peer.send('http-request', { ...get, '@id': 'c', headers: { 'Content-Length': '5' } });
  for (let i = 0; i < 3; i += 1) await peer.document('http-response');
  assert.deepEqual(asked, [['X-A', '1', 'Content-Length', '5', '5'], ['Content-Length', '0', '0'], ['0']]);
});

test('an answer that nobody can be waiting for after 5 minutes is given up', async () => {
  const reasons: string[] = [];
  let accepted: AcceptedStream | undefined;
  const { peer, clock } = connect((_head, stream) => {
    accepted = stream;
    return { ...silentHandler, reset: ({ code }) => reasons.push(code) };
  });
  peer.send('http-request', get);
  await quietTurns();
  for (let second = 0; second < 300; second += 1) {
    assert.deepEqual(reasons, []);
    if (second % 10 === 0) peer.send('ping');
    await quietTurns();
    clock.advance(1_000);
  }
  assert.deepEqual(reasons, ['ADIT_VISITOR_GONE']);
  accepted?.head(responseHead(200));
  accepted?.end();
  await quietTurns();
  assert.equal(peer.unreadCount, 0);
});

test('an answer in time leaves no timer behind', async () => {
  const { peer, clock } = connect(streamOrigin(() => ({})));
  const before = clock.pendingCount;
  peer.send('http-request', get);
  await peer.document('http-response');
  assert.equal(clock.pendingCount, before);
});

test('an error of the origin is told with its status and code', async () => {
  const { peer } = connect((_head, stream) => {
    setImmediate(() => stream.reset(new AditError('ADIT_ORIGIN_UNREACHABLE', 'nothing answers at localhost:1')));
    return silentHandler;
  });
  peer.send('http-request', get);
  const answer = await peer.document('http-response');
  assert.deepEqual([answer['status'], headerOf(answer, 'Adit-Error')], [502, 'ADIT_ORIGIN_UNREACHABLE']);
  assert.equal(bodyOf(answer), 'nothing answers at localhost:1');
});

test('a lost connection ends what is under way at the origin', async () => {
  const reasons: string[] = [];
  const { peer, pair, clock } = connect(() => ({ ...silentHandler, reset: ({ code }) => reasons.push(code) }));
  peer.send('http-request', get);
  await quietTurns();
  pair.cut();
  assert.deepEqual(reasons, ['ADIT_VISITOR_GONE']);
  assert.equal(clock.pendingCount, 0);
});

test('interim heads do not travel, and a head that fits no document becomes a 502', async () => {
  const { peer } = connect((_head, stream) => {
    setImmediate(() => {
      stream.head(responseHead(103, ['Link', '</a.css>']));
      stream.head(responseHead(200, ['X-Large', 'x'.repeat(1_100_000)]));
      stream.end();
    });
    return silentHandler;
  });
  peer.send('http-request', get);
  const answer = await peer.document('http-response');
  assert.deepEqual([answer['status'], headerOf(answer, 'Adit-Error')], [502, 'ADIT_RESPONSE_TOO_LARGE']);
});

test('a second request of the same id is not asked twice', async () => {
  let count = 0;
  const { peer } = connect(() => {
    count += 1;
    return silentHandler;
  });
  peer.send('http-request', get);
  peer.send('http-request', get);
  await quietTurns();
  assert.equal(count, 1);
});
