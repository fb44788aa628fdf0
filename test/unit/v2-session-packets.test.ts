import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeSessionPacket, encodeSessionPacket, packetKinds, type SessionPacket, V2Error } from '#messages/v2';

const packets: SessionPacket[] = [
  { kind: 'hello', nonce: 'n'.repeat(43), version: '1.2.3' },
  {
    kind: 'register',
    versions: [2],
    agent: 'adit/1.2.3',
    key: { kty: 'OKP', crv: 'Ed25519', x: 'x' },
    algorithm: 'EdDSA',
    signature: 's',
    claim: { origin: 'https://hub.example.com', nonce: 'n', session: '', epoch: 0, tunnels: [{ session: 'blüe ✓' }] },
    limits: { streams: 1_000 },
  },
  {
    kind: 'registered',
    version: 2,
    session: 'id',
    epoch: 1,
    tunnels: [{ clientId: 'a', hostname: 'a.tunnel.test' }, { clientId: 'b' }],
    limits: { streams: 1_000 },
    graceMs: 30_000,
  },
  { kind: 'rejected', code: 'ADIT_REFUSED', message: 'why', isFinal: true },
  { kind: 'withdraw', tunnel: 0, reason: 'replaced' },
  { kind: 'ping', token: 0 },
  { kind: 'pong', token: Number.MAX_SAFE_INTEGER },
  {
    kind: 'resume',
    key: { kty: 'OKP', crv: 'Ed25519', x: 'x' },
    algorithm: 'EdDSA',
    signature: 's',
    claim: { origin: 'https://hub.example.com', nonce: 'n', session: 'id', epoch: 3, tunnels: [{ session: '' }] },
  },
  { kind: 'resumed', epoch: 4 },
  { kind: 'resumed', epoch: 4, hostname: 'a.example.com' },
  { kind: 'resumed', epoch: 4, hostname: '' },
  { kind: 'drain', msLeft: 25_000 },
  { kind: 'probe', nonce: 'n'.repeat(16) },
  { kind: 'probed', nonce: 'n'.repeat(64), outcome: 'failed', detail: 'why' },
  { kind: 'status', state: 'degraded', reason: 'why' },
  { kind: 'goodbye', reason: 'why' },
];

type Path = (string | number)[];
type Json = { [name: string]: Json } | Json[] | string | number | boolean | null;

function packetOf(kind: SessionPacket['kind'], content: unknown): Buffer {
  const json = typeof content === 'string' ? content : JSON.stringify(content);
  return Buffer.concat([Buffer.from([packetKinds[kind]]), Buffer.from(json)]);
}

/** Every member at any depth; the key is looked at elsewhere, and a hostname may be missing. */
function membersOf(value: Json, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  const names = Array.isArray(value) ? value.map((_, i) => i) : Object.keys(value);
  return names.flatMap((name) => {
    const own = [...path, name];
    return [own, ...(name === 'key' ? [] : membersOf((value as Record<string, Json>)[name] as Json, own))];
  });
}

/** A copy with one member changed, or left out. */
function withMember(content: Json, path: Path, change: { to: unknown } | undefined): unknown {
  const copy = structuredClone(content);
  let at = copy as Record<string | number, unknown>;
  for (const name of path.slice(0, -1)) at = at[name] as Record<string | number, unknown>;
  const last = path.at(-1) as string | number;
  if (change) at[last] = change.to;
  else delete at[last];
  return copy;
}

for (const packet of packets) {
  const { kind, ...members } = packet;
  const content = members as unknown as Json;
  const paths = membersOf(content).filter((path) => path.at(-1) !== 'hostname');

  test(`v2 packets: ${kind} comes back as it was sent, and unknown members are ignored`, () => {
    assert.deepEqual(decodeSessionPacket(encodeSessionPacket(packet)), packet);
    assert.deepEqual(decodeSessionPacket(packetOf(kind, { ...members, kind: 'pong', other: [1] })), packet);
  });

  test(`v2 packets: ${kind} without one of its members is refused`, () => {
    for (const path of paths.filter((own) => typeof own.at(-1) === 'string')) {
      const changed = packetOf(kind, withMember(content, path, undefined));
      assert.throws(() => decodeSessionPacket(changed), V2Error, path.join('.'));
    }
  });

  test(`v2 packets: ${kind} with a member of another type is refused`, () => {
    const others = ['text', 1.5, -1, 2 ** 53, true, null, [[]], { length: 1 }];
    for (const path of paths) {
      const isVersion = path[0] === 'versions' && path.length === 2;
      const original = path.reduce<Json>((at, name) => (at as Record<string | number, Json>)[name] as Json, content);
      for (const to of others) {
        const isSameType = typeof to === typeof original && typeof to !== 'object' && typeof to !== 'number';
        const isObject = typeof to === 'object' && to !== null && !Array.isArray(to);
        if (isSameType || (isObject && path.at(-1) === 'key')) continue;
        const changed = packetOf(kind, withMember(content, path, { to }));
        assert.throws(() => decodeSessionPacket(changed), V2Error, `${path.join('.')} ${isVersion} ${String(to)}`);
      }
    }
  });

  test(`v2 packets: ${kind} with a text or a list that is too long is refused`, () => {
    for (const path of paths) {
      const original = path.reduce<Json>((at, name) => (at as Record<string | number, Json>)[name] as Json, content);
      const isList = Array.isArray(original);
      if (typeof original !== 'string' && !isList) continue;
      const to = isList ? Array.from({ length: 257 }, () => original[0]) : 'x'.repeat(2_049);
      const changed = packetOf(kind, withMember(content, path, { to }));
      assert.throws(() => decodeSessionPacket(changed), V2Error, path.join('.'));
    }
  });

  test(`v2 packets: members of ${kind} count only when they are its own`, () => {
    const inherited = packetOf(kind, `{"__proto__":${JSON.stringify(members)}}`);
    assert.throws(() => decodeSessionPacket(inherited), V2Error);
    const polluting = JSON.stringify(members).replace('{', '{"__proto__":{"isAdmin":true},');
    const decoded = decodeSessionPacket(packetOf(kind, polluting)) as unknown as Record<string, unknown>;
    assert.equal(decoded['isAdmin'], undefined);
    assert.equal(({} as Record<string, unknown>)['isAdmin'], undefined);
  });

  test(`v2 packets: ${kind} that is not an object in JSON is refused`, () => {
    for (const text of ['', '{', 'null', '[]', '1', '"text"', '{}', '{"a":1}}', '\0{}', '[['.repeat(30_000)]) {
      assert.throws(() => decodeSessionPacket(packetOf(kind, text)), V2Error, text.slice(0, 20));
    }
  });
}

test('v2 packets: kinds from 0x80 on are passed over, other unknown ones refused', () => {
  const known = new Set<number>(packets.map(({ kind }) => packetKinds[kind]));
  for (let kind = 0; kind < 256; kind += 1) {
    if (known.has(kind)) continue;
    const packet = Buffer.from([kind, 0x7b, 0x7d]);
    if (kind >= 0x80) assert.equal(decodeSessionPacket(packet), undefined);
    else assert.throws(() => decodeSessionPacket(packet), V2Error, String(kind));
  }
  assert.throws(() => decodeSessionPacket(Buffer.alloc(0)), V2Error);
});

test('v2 packets: what will stand in a path is nothing but letters of base64url', () => {
  for (const nonce of ['n'.repeat(15), 'n'.repeat(65), `${'n'.repeat(16)}/..`, `${'n'.repeat(16)} HTTP/1.1\r\n`]) {
    assert.throws(() => decodeSessionPacket(packetOf('probe', { nonce })), V2Error);
  }
});

test('v2 packets: kinds that came later are such that an older end passes them over', () => {
  for (const kind of ['probe', 'probed', 'status', 'goodbye'] as const) assert.ok(packetKinds[kind] >= 0x80);
});
