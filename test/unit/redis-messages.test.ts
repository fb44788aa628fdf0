import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RedisMessageReader } from '#internal/core/redis-messages';
import { Random } from '../support/random.ts';

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const message = (type: '>' | '*', channel: string, text: string): string =>
  `${type}3\r\n${bulk('message')}${bulk(channel)}${bulk(text)}`;

/** What Redis may send between two messages, in either version of its protocol. */
const replies = [
  '+PONG\r\n',
  '-ERR unknown command\r\n',
  ':-1\r\n',
  '_\r\n',
  '#t\r\n',
  ',1.5\r\n',
  '(12345678901234567890\r\n',
  '$-1\r\n',
  '$0\r\n\r\n',
  bulk('a\r\n$5\r\nb'),
  `=7\r\ntxt:abc\r\n`,
  '!5\r\nERR a\r\n',
  '*-1\r\n',
  '*0\r\n',
  `*2\r\n${bulk('pong')}${bulk('')}`,
  `>3\r\n${bulk('subscribe')}${bulk('adit:hubs')}:1\r\n`,
  `*3\r\n${bulk('unsubscribe')}$-1\r\n:0\r\n`,
  `>4\r\n${bulk('pmessage')}${bulk('a*')}${bulk('ab')}${bulk('x')}`,
  `>3\r\n${bulk('smessage')}${bulk('a')}${bulk('b')}`,
  `%2\r\n+a\r\n:1\r\n+b\r\n*2\r\n+c\r\n~1\r\n:2\r\n`,
  `|1\r\n+ttl\r\n:3600\r\n+OK\r\n`,
];

/** Reads pieces, each in the same memory as the one before. */
function read(pieces: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const reader = new RedisMessageReader({
    message: (channel, bytes) => seen.push(`${channel}: ${bytes.toString('latin1')}`),
    other: (bytes) => seen.push(bytes.toString('latin1')),
  });
  const memory = Buffer.alloc(Math.max(...pieces.map(({ length }) => length)));
  for (const piece of pieces) {
    piece.copy(memory);
    reader.push(memory.subarray(0, piece.length));
    memory.fill(0);
  }
  return seen;
}

test('messages are found between all other replies, wherever reads end', () => {
  const random = new Random(5);
  for (let round = 0; round < 400; round += 1) {
    const wire: string[] = [];
    const expected: string[] = [];
    for (let i = 0; i < 8; i += 1) {
      const reply = replies[random.below(replies.length)] as string;
      const text = `>3\r\n$7\r\nmessage\r\n${'x'.repeat(random.below(3) * random.below(3_000))}`;
      const channel = 'c'.repeat(1 + random.below(20));
      const isMessage = random.below(2) === 0;
      wire.push(isMessage ? message(random.below(2) === 0 ? '>' : '*', channel, text) : reply);
      expected.push(isMessage ? `${channel}: ${text}` : reply);
    }
    const bytes = Buffer.from(wire.join(''), 'latin1');
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = 1 + random.below([3, 40, 5_000][random.below(3)] as number);
      pieces.push(bytes.subarray(at, at + length));
      at += length;
    }
    assert.deepEqual(read(pieces), expected);
  }
});

test('an empty message is one', () => {
  assert.deepEqual(read([Buffer.from(message('>', 'a', ''))]), ['a: ']);
});

test('from what is no reply on everything is left to the library', () => {
  const wire = `${message('>', 'a', 'b')}HTTP/1.1 400 Bad Request\r\n\r\n`;
  for (let at = 0; at <= wire.length; at += 1) {
    const pieces = [wire.slice(0, at), wire.slice(at), message('>', 'a', 'c')].map((text) => Buffer.from(text));
    const [first, ...others] = read(pieces);
    assert.equal(first, 'a: b');
    assert.equal(others.join(''), `HTTP/1.1 400 Bad Request\r\n\r\n${message('>', 'a', 'c')}`);
  }
});

test('messages longer than what is kept to put them together come whole', () => {
  const text = 'y'.repeat(1_000_000);
  const bytes = Buffer.from(message('>', 'a', text) + message('>', 'a', 'z'));
  const pieces = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, i) =>
    bytes.subarray(i * 65_536, (i + 1) * 65_536),
  );
  assert.deepEqual(read(pieces), [`a: ${text}`, 'a: z']);
});

test('messages that come in two reads are put together in the same memory, again and again', () => {
  const memory = new Set<ArrayBufferLike>();
  const reader = new RedisMessageReader({
    message: (_channel, bytes) => memory.add(bytes.buffer),
    other: () => assert.fail('there is nothing else'),
  });
  for (const byteCount of [20_000, 65_600, 86_000, 262_144]) {
    const wire = Buffer.from(message('>', 'c', 'x'.repeat(byteCount)));
    for (let i = 0; i < 3; i += 1) {
      reader.push(Buffer.from(wire.subarray(0, byteCount - 1_000)));
      reader.push(Buffer.from(wire.subarray(byteCount - 1_000)));
    }
  }
  assert.equal(memory.size, 1);
});
