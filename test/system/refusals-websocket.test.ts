import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { newClientKey, OriginalClient } from '../support/original-client.ts';
import { type Cleanup, startHub } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { visit } from '../support/visit.ts';

const hub = await startHub({ after });
const { port } = hub;
const client = await OriginalClient.connect({ after }, hub);
const host = String((await client.register(newClientKey()))['hostname']);

const key = randomBytes(16).toString('base64');
const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** A visitor behind a completed handshake with the tunnel, which then writes frames of its own. */
async function openTunnel(t: Cleanup): Promise<RawVisitor> {
  const visitor = await handshake(t, host, '/chat');
  const request = await client.next('ws-request');
  client.send('ws-response', { '@id': request['@id'], ok: true });
  await assertOpen(visitor);
  return visitor;
}

/** The same with the hub's own endpoint, where agents connect. */
async function openSubscribe(t: Cleanup): Promise<RawVisitor> {
  const visitor = await handshake(t, `localhost:${port}`, '/proxy/subscribe');
  await assertOpen(visitor);
  return visitor;
}

async function handshake(t: Cleanup, asked: string, path: string): Promise<RawVisitor> {
  const visitor = await RawVisitor.connect(t, port);
  const fields = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
  ];
  const offer = 'Sec-WebSocket-Extensions: permessage-deflate';
  visitor.send([`GET ${path} HTTP/1.1`, `Host: ${asked}`, ...fields, offer, '', ''].join('\r\n'));
  return visitor;
}

async function assertOpen(visitor: RawVisitor): Promise<void> {
  const { status, field } = await visitor.response();
  assert.equal(status, 101);
  assert.equal(field('sec-websocket-accept'), accept);
  assert.equal(field('sec-websocket-extensions'), undefined);
}

/** A frame: its first byte, then a payload that is masked unless told otherwise. */
function frame(first: number, payload: Buffer | string, { isMasked = true } = {}): string {
  const bytes = Buffer.from(payload);
  const mask = isMasked ? randomBytes(4) : Buffer.alloc(0);
  const head = bytes.length < 126 ? [first, bytes.length] : [first, 126, bytes.length >> 8, bytes.length & 0xff];
  head[1] = (head[1] as number) | (isMasked ? 0x80 : 0);
  const body = isMasked ? bytes.map((byte, i) => byte ^ (mask[i % 4] as number)) : bytes;
  return Buffer.concat([Buffer.from(head), mask, body]).toString('latin1');
}

/** The code of the close frame that comes. */
async function closeCode(visitor: RawVisitor): Promise<number> {
  for (;;) {
    const head = await visitor.bytes(2);
    const payload = await visitor.bytes((head[1] as number) & 0x7f);
    if (((head[0] as number) & 0x0f) === 8) return payload.readUInt16BE(0);
  }
}

const text = 0x81;
const violations: [what: string, code: number, bytes: string][] = [
  ['a frame without a mask', 1002, frame(text, 'x', { isMasked: false })],
  ['a reserved bit', 1002, frame(text | 0x40, 'x')],
  ['an opcode that is not known', 1002, frame(0x83, 'x')],
  ['a ping of 126 bytes', 1002, frame(0x89, 'x'.repeat(126))],
  ['a continuation of nothing', 1002, frame(0x80, 'x')],
  ['a text that is not UTF-8', 1007, frame(text, Buffer.from([0xff, 0xfe]))],
];

for (const [what, expected, bytes] of violations) {
  test(`a websocket is closed with ${expected} for ${what}`, async (t) => {
    for (const open of [openTunnel, openSubscribe]) {
      const visitor = await open(t);
      visitor.send(bytes);
      assert.equal(await closeCode(visitor), expected);
    }
  });
}

test('a message over the limit is closed with 1009, whole and in fragments', async (t) => {
  const announced = Buffer.from([text, 0x80 | 127, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3, 4]).toString('latin1');
  for (const open of [openTunnel, openSubscribe]) {
    const whole = await open(t);
    whole.send(announced);
    assert.equal(await closeCode(whole), 1009);
    const fragmented = await open(t);
    fragmented.send(frame(0x01, 'x'.repeat(60_000)));
    for (let i = 0; i < 20; i += 1) fragmented.send(frame(0x00, 'x'.repeat(60_000)));
    assert.equal(await closeCode(fragmented), 1009);
  }
});

test('endless fragments of one byte are closed', async (t) => {
  for (const open of [openTunnel, openSubscribe]) {
    const visitor = await open(t);
    visitor.send(frame(0x01, 'x') + frame(0x00, 'x').repeat(2_000));
    assert.ok([1008, 1009].includes(await closeCode(visitor)));
  }
});

test('a binary message where documents are due is closed with 1003', async (t) => {
  const agent = await openSubscribe(t);
  agent.send(frame(0x82, 'x'));
  assert.equal(await closeCode(agent), 1003);
});

const documents: [what: string, document: string][] = [
  ['a token of 1 MB', registration('x'.repeat(1_000_000))],
  ['JSON that is 10,000 levels deep', `${'['.repeat(10_000)}${']'.repeat(10_000)}`],
  ['a member that is 10,000 levels deep', registration('x').replace('"x"', `${'['.repeat(9_999)}${']'.repeat(9_999)}`)],
  ['no JSON', 'hello'],
  ['no object', '42'],
  ['a registration without a token', registration('x').replace('mandateToken', 'token')],
];

for (const [what, document] of documents) {
  test(`whoever sends ${what} is refused and closed, and the hub goes on serving`, async (t) => {
    const stranger = await OriginalClient.connect(t, hub);
    stranger.websocket.send(document);
    assert.equal((await stranger.closed).code, 1008);
    const startedAt = performance.now();
    const visited = visit({ port, host });
    client.answer(await client.next('http-request'), 'fine');
    assert.equal((await visited).text, 'fine');
    assert.ok(performance.now() - startedAt < 1_000);
  });
}

function registration(mandateToken: string): string {
  const type = 'https://proxy.brickchain.com/v1/registration-request.json';
  return JSON.stringify({ '@type': type, '@id': '0b6f6a0e-5f0a-4d6e-9a3c-2f1f5a7a9b10', mandateToken });
}
