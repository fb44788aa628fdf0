import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMandateToken, encodeMandateToken } from '#messages/mandate-token';

const base = {
  '@type': 'https://schema.brickchain.com/v2/mandate-token.json',
  '@timestamp': '2026-11-21T00:51:05Z',
  uri: 'https://hub.example.com',
  ttl: 60,
};
const wallMs = Date.parse('2026-11-21T00:51:05Z');

function decode(payload: unknown): ReturnType<typeof decodeMandateToken> {
  return decodeMandateToken(Buffer.from(JSON.stringify(payload)));
}

test('a payload that was written is read again', () => {
  const token = { timestamp: wallMs + 123, uri: 'https://hub.example.com', ttlSeconds: 60 };
  assert.deepEqual(decodeMandateToken(Buffer.from(encodeMandateToken(token))), token);
});

test('what is written has the members of the original', () => {
  const members = JSON.parse(encodeMandateToken({ timestamp: wallMs, uri: base.uri, ttlSeconds: 60 }));
  assert.deepEqual({ ...members, '@timestamp': base['@timestamp'] }, base);
  assert.match(members['@timestamp'], /^2026-11-21T00:51:05\.000\d{6}Z$/);
});

test('payloads of one millisecond differ', () => {
  const written = Array.from({ length: 20 }, () =>
    encodeMandateToken({ timestamp: wallMs, uri: base.uri, ttlSeconds: 60 }),
  );
  // Two may be equal by chance, twenty are not.
  assert.ok(new Set(written).size > 15);
});

const times: [text: string, ms: number][] = [
  ['2026-11-21T00:51:05Z', wallMs],
  ['2026-11-21T00:51:05+00:00', wallMs],
  ['2026-11-21T00:51:05-00:00', wallMs],
  ['2026-11-21T01:51:05+01:00', wallMs],
  ['2026-11-20T19:21:05-05:30', wallMs],
  ['2026-11-21T00:51:05.1Z', wallMs + 100],
  ['2026-11-21T00:51:05.12Z', wallMs + 120],
  ['2026-11-21T00:51:05.123Z', wallMs + 123],
  ['2026-11-21T00:51:05.123456Z', wallMs + 123],
  ['2026-11-21T00:51:05.999999999Z', wallMs + 999],
  ['2026-11-21T01:51:05.123456789+01:00', wallMs + 123],
];
for (const [text, ms] of times) {
  test(`the time ${text} is read`, () => assert.equal(decode({ ...base, '@timestamp': text }).timestamp, ms));
}

const wrongTimes: unknown[] = [
  undefined,
  null,
  wallMs,
  '',
  '2026-11-21',
  '2026-11-21T00:51:05',
  '2026-11-21 00:51:05Z',
  '2026-11-21T00:51Z',
  '2026-11-21T00:51:05.Z',
  '2026-11-21T00:51:05.1234567890Z',
  '2026-11-21T00:51:05+0100',
  '2026-13-21T00:51:05Z',
  '2026-11-21T25:51:05Z',
  'Sat, 21 Nov 2026 00:51:05 GMT',
  ' 2026-11-21T00:51:05Z',
  '2026-11-21T00:51:05Z\n',
];
for (const time of wrongTimes) {
  test(`the time ${JSON.stringify(time) ?? 'left out'} is refused`, () => {
    assert.throws(() => decode({ ...base, '@timestamp': time }), /no RFC 3339 @timestamp/);
  });
}

for (const ttl of [undefined, null, 0, -1, '60', Number.NaN]) {
  test(`the ttl ${String(ttl)} is refused`, () => assert.throws(() => decode({ ...base, ttl }), /no ttl/));
}

for (const uri of [undefined, null, 1, ['https://hub.example.com']]) {
  test(`the uri ${JSON.stringify(uri) ?? 'left out'} is refused`, () => {
    assert.throws(() => decode({ ...base, uri }), /no uri/);
  });
}

for (const type of [undefined, 'https://schema.brickchain.com/v1/mandate-token.json', 1]) {
  test(`the type ${JSON.stringify(type) ?? 'left out'} is refused`, () => {
    assert.throws(() => decode({ ...base, '@type': type }), /another @type/);
  });
}

for (const payload of [null, 1, 'text']) {
  test(`the payload ${JSON.stringify(payload)} is refused`, () =>
    assert.throws(() => decode(payload), /not a JSON object/));
}

test('a payload that is not JSON is refused', () => {
  assert.throws(() => decodeMandateToken(Buffer.from('{')), /not JSON/);
  assert.throws(() => decodeMandateToken(Buffer.alloc(0)), /not JSON/);
});
