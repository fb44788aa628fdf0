import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeV1, encodeV1, newDocumentId, type V1Document } from '#messages/v1';
import { contentOf, recordedMessages, shapeOf } from '../support/transcript.ts';

const id = '0b6f6a0e-5f0a-4d6e-9a3c-2f1f5a7a9b10';
const wallMs = Date.parse('2026-11-21T00:51:05Z');
const headers = { 'X-Multi': 'a, b', 'Content-Type': 'text/plain' };
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

const documents: V1Document[] = [
  { type: 'registration-request', id, mandateToken: 'a.b.c', session: 'blue' },
  { type: 'registration-response', id, keyID: 'k', hostname: 'k.tunnel.test' },
  { type: 'registration-response', id, keyID: 'k' },
  { type: 'http-request', id, url: '/a%2Fb', query: 'x=1&y', headers, method: 'PATCH', body: everyByte },
  { type: 'http-response', id, status: 599, headers, contentType: 'text/plain', body: everyByte },
  { type: 'http-response', id, status: 204, headers: {}, contentType: '', body: Buffer.alloc(0) },
  { type: 'ws-request', id, url: '/ws', query: 'x', headers },
  { type: 'ws-response', id, ok: true, error: '' },
  { type: 'ws-response', id, ok: false, error: 'no such room' },
  { type: 'ws-message', id, messageType: 1, body: 'žluťoučký 🐎' },
  { type: 'ws-message', id, messageType: 2, body: '' },
  { type: 'ws-teardown', id },
  { type: 'ping' },
  { type: 'disconnect', id },
];

for (const [i, document] of documents.entries()) {
  test(`a ${document.type} survives its way over the wire (${i})`, () => {
    assert.deepEqual(decodeV1(encodeV1(document, wallMs)), document);
  });
}

for (const { from, name, text, document } of recordedMessages()) {
  test(`the recorded ${name} of the ${from} ${String(document['@id'] ?? '')} is read and written in the same shape`, () => {
    const read = decodeV1(text);
    assert.ok(read);
    assert.equal(read.type, name);
    const written = JSON.parse(encodeV1(read, wallMs)) as Record<string, unknown>;
    // The original's ping carries its type alone.
    if (name === 'ping') return;
    assert.deepEqual(shapeOf(written), shapeOf(document));
    assert.deepEqual(contentOf(written), contentOf(document));
    assert.equal(written['@id'], document['@id']);
  });
}

test('every document carries its time in RFC 3339 and UTC, also when the time changes in between', () => {
  const timeAt = (ms: number): unknown => JSON.parse(encodeV1({ type: 'ws-teardown', id }, ms))['@timestamp'];
  assert.equal(timeAt(wallMs), '2026-11-21T00:51:05.000Z');
  assert.equal(timeAt(wallMs + 1), '2026-11-21T00:51:05.001Z');
  assert.equal(timeAt(wallMs), '2026-11-21T00:51:05.000Z');
});

test('a ping carries an id of its own, a UUID v4, and no two are equal', () => {
  const ids = [1, 2].map(() => JSON.parse(encodeV1({ type: 'ping' }, wallMs))['@id'] as string);
  for (const text of [...ids, newDocumentId()]) {
    assert.match(text, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
  assert.notEqual(ids[0], ids[1]);
});

test('an empty query, error and session are left out, an empty body is written', () => {
  const members = (document: V1Document): string[] => Object.keys(JSON.parse(encodeV1(document, wallMs)));
  const body = Buffer.alloc(0);
  const request = members({ type: 'http-request', id, url: '/', query: '', headers: {}, method: 'GET', body });
  assert.ok(!request.includes('query') && request.includes('body') && request.includes('headers'));
  assert.ok(!members({ type: 'ws-response', id, ok: true, error: '' }).includes('error'));
  assert.ok(!members({ type: 'registration-request', id, mandateToken: 't', session: '' }).includes('session'));
});

test('members that are absent or null count as empty texts', () => {
  const common = { '@type': 'https://proxy.brickchain.com/v1/http-response.json', '@id': id, status: 200 };
  const expected = { type: 'http-response', id, status: 200, headers: {}, contentType: '', body: Buffer.alloc(0) };
  assert.deepEqual(decodeV1(JSON.stringify(common)), expected);
  const withNulls = { ...common, headers: null, contentType: null, body: null };
  assert.deepEqual(decodeV1(JSON.stringify(withNulls)), expected);
});

test('unknown members are ignored', () => {
  const text = encodeV1({ type: 'ws-teardown', id }, wallMs).replace('{', '{"colour":"blue","@deep":[[1]],');
  assert.deepEqual(decodeV1(text), { type: 'ws-teardown', id });
});

for (const type of [
  'https://proxy.brickchain.com/v1/later.json',
  'https://proxy.brickchain.com/v2/ping.json',
  'ping',
  '',
]) {
  test(`a document of the type ${JSON.stringify(type)} is one that nobody knows`, () => {
    assert.equal(decodeV1(JSON.stringify({ '@type': type, '@id': id })), undefined);
  });
}
