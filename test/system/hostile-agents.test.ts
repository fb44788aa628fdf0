import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Fields } from '#internal/http1/fields';
import type { AcceptedStream } from '#internal/link/stream';
import { type HostileAnswer, startHostileAgent } from '../support/hostile-agent.ts';
import { startHub } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';

const hub = await startHub({ after });

const answer = (stream: AcceptedStream, status: number, fields: Fields, body = ''): void => {
  stream.head({ status, reason: '', fields });
  if (body !== '') stream.write(Buffer.from(body));
  stream.end();
};

/** Answers that are a 502 whole. */
const refused: Record<string, HostileAnswer> = {
  '/99': (stream) => answer(stream, 99, ['Content-Length', '0']),
  '/1000': (stream) => answer(stream, 1_000, ['Content-Length', '0']),
  '/600': (stream) => answer(stream, 600, ['Content-Length', '0']),
  '/101': (stream) => answer(stream, 101, ['Connection', 'Upgrade', 'Upgrade', 'websocket'], 'raw'),
  '/reason': (stream) => {
    stream.head({ status: 200, reason: 'OK\rSet-Cookie: b=1', fields: [] });
    stream.end();
  },
  '/cr': (stream) => answer(stream, 200, ['X', 'a\rSet-Cookie: b=1']),
  '/lf': (stream) => answer(stream, 200, ['X', 'a\nSet-Cookie: b=1']),
  '/nul': (stream) => answer(stream, 200, ['X', 'a\0b']),
  '/name': (stream) => answer(stream, 200, ['X Y', 'a']),
  '/split': (stream) => answer(stream, 200, ['X', 'a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0']),
  '/lengths': (stream) => answer(stream, 200, ['Content-Length', '2', 'Content-Length', '3'], 'ab'),
  '/hex': (stream) => answer(stream, 200, ['Content-Length', '0x2'], 'ab'),
  '/no-head': (stream) => stream.end(),
  '/body-first': (stream) => void stream.write(Buffer.from('body')),
};

/** Answers whose head is fine. */
const cut: Record<string, HostileAnswer> = {
  '/long': (stream) => answer(stream, 200, ['Content-Length', '2'], 'abHTTP/1.1 200 OK\r\n\r\n'),
  '/short': (stream) => answer(stream, 200, ['Content-Length', '9'], 'ab'),
  '/twice': (stream) => {
    stream.head({ status: 200, reason: '', fields: ['Content-Length', '2'] });
    stream.write(Buffer.from('ab'));
    stream.end();
    stream.head({ status: 200, reason: '', fields: ['Content-Length', '2'] });
  },
};

const clean: Record<string, HostileAnswer> = {
  '/both': (stream) => answer(stream, 200, ['Content-Length', '2', 'Transfer-Encoding', 'chunked'], 'ab'),
  '/hop': (stream) => answer(stream, 200, ['Connection', 'X-A', 'X-A', 'b', 'Content-Length', '2'], 'ab'),
  '/speaks-for-hub': (stream) => answer(stream, 200, ['Adit-Error', 'ADIT_INTERNAL', 'Content-Length', '2'], 'ab'),
};

const host = await startHostileAgent({ after }, hub, (stream, { target }) => {
  const found = { ...refused, ...cut, ...clean }[target];
  if (found) found(stream, { method: 'GET', target, fields: [] });
  else answer(stream, 200, ['Content-Length', '4'], 'good');
});
const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

for (const target of Object.keys(refused)) {
  test(`what an agent answers to ${target} is a 502, and the next answer is intact`, async (t) => {
    const visitor = await RawVisitor.connect(t, hub.port);
    visitor.send(get(target));
    const { status, head } = await visitor.response();
    assert.equal(status, 502);
    assert.doesNotMatch(head, /set-cookie/i);
    visitor.send(get('/good'));
    assert.equal((await visitor.response()).body, 'good');
  });
}

for (const target of Object.keys(cut)) {
  test(`what an agent answers to ${target} ends the connection, and nothing behind it is read`, async (t) => {
    const visitor = await RawVisitor.connect(t, hub.port);
    visitor.send(get(target) + get('/good'));
    await visitor.closed;
    assert.doesNotMatch(visitor.unread, /good|HTTP\/1\.1 200 OK\r\n\r\n/);
    const next = await RawVisitor.connect(t, hub.port);
    next.send(get('/good'));
    assert.equal((await next.response()).body, 'good');
  });
}

for (const target of Object.keys(clean)) {
  test(`what an agent answers to ${target} goes out with one clean framing`, async (t) => {
    const visitor = await RawVisitor.connect(t, hub.port);
    visitor.send(get(target) + get('/good'));
    const { body, head } = await visitor.response();
    assert.equal(body, 'ab');
    assert.doesNotMatch(head, /transfer-encoding|connection|x-a|adit-error/i);
    assert.equal((await visitor.response()).body, 'good');
  });
}

test('an upgrade that was asked for can not be answered twice', async (t) => {
  const visitor = await RawVisitor.connect(t, hub.port);
  const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
  visitor.send(`GET /99 HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`);
  const { status, field } = await visitor.response();
  assert.deepEqual([status, field('connection')], [502, 'close']);
});
