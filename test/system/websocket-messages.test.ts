import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after } from 'node:test';
import { bothWays } from '../support/both-ways.ts';
import { closeOf, echoAll, messages, UpgradeOrigin } from '../support/upgrade-origin.ts';

const origin = await UpgradeOrigin.start({ after });
const both = await bothWays(origin.port);

both('a message of 400 fragments with pings between them arrives as one, in both directions', async (t, way) => {
  const { visitor, service } = await origin.pair(t, way);
  for (const [sender, receiver] of [
    [visitor, service],
    [service, visitor],
  ] as const) {
    const pings: string[] = [];
    receiver.on('ping', (payload) => pings.push(payload.toString()));
    const fragments = Array.from({ length: 400 }, (_, i) => `${i} žluťoučký 🐴, `);
    const whole = messages(receiver, 1);
    fragments.forEach((fragment, i) => {
      sender.send(fragment, { fin: i === fragments.length - 1 });
      if (i % 10 === 0) sender.ping(`ping ${i}`);
    });
    assert.equal((await whole)[0]?.data.toString(), fragments.join(''));
    assert.deepEqual(
      pings,
      Array.from({ length: 40 }, (_, i) => `ping ${i * 10}`),
    );
  }
});

both('a ping is answered by the other end, with its payload', async (t, way) => {
  const { visitor, service } = await origin.pair(t, way);
  for (const [sender, receiver] of [
    [visitor, service],
    [service, visitor],
  ] as const) {
    for (const payload of [Buffer.alloc(0), randomBytes(125)]) {
      const pinged = once(receiver, 'ping');
      const answered = once(sender, 'pong');
      sender.ping(payload);
      assert.deepEqual(await pinged, [payload]);
      assert.deepEqual(await answered, [payload]);
    }
    // Nobody asked for this one.
    const told = once(receiver, 'pong');
    sender.pong('still here');
    assert.equal(String((await told)[0]), 'still here');
  }
});

const closes: [code: number | undefined, reason: string][] = [
  [1000, ''],
  [1000, 'done'],
  [1001, 'going away'],
  [1011, 'a mistake'],
  [3000, 'a library’s'],
  [4000, ''],
  [4999, 'x'.repeat(123)],
  [undefined, ''],
];

both('either end closes with its code and its reason, and both learn them', async (t, way) => {
  for (const [code, reason] of closes) {
    for (const closer of ['visitor', 'service'] as const) {
      const pair = await origin.pair(t, way);
      const ends = Promise.all([closeOf(pair.visitor), closeOf(pair.service)]);
      pair[closer].close(code, reason);
      // 1005 stands for "no code".
      const expected = [code ?? 1005, reason];
      assert.deepEqual(await ends, [expected, expected], `${closer} closes with ${code}`);
    }
  }
});

both('an end that vanishes is missed at the other end', async (t, way) => {
  for (const leaver of ['visitor', 'service'] as const) {
    const pair = await origin.pair(t, way);
    const ends = Promise.all([closeOf(pair.visitor), closeOf(pair.service)]);
    pair[leaver].terminate();
    assert.deepEqual(
      await ends,
      [
        [1006, ''],
        [1006, ''],
      ],
      leaver,
    );
  }
});

both('messages are compressed by the ends, which remember what they have compressed', async (t, way) => {
  const options = { perMessageDeflate: { threshold: 0 } };
  const { visitor, service, handshake } = await origin.pair(t, way, { client: options, server: options });
  assert.match(handshake.request.headers['sec-websocket-extensions'] ?? '', /^permessage-deflate/);
  assert.equal(visitor.extensions, 'permessage-deflate');
  assert.equal(service.extensions, 'permessage-deflate');
  echoAll(service);
  const text = randomBytes(8_000).toString('base64');
  const sizes: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    const before = handshake.socket.bytesRead;
    const back = messages(visitor, 1);
    visitor.send(text);
    assert.equal((await back)[0]?.data.toString(), text);
    sizes.push(handshake.socket.bytesRead - before);
  }
  const [first = 0, second = 0, third = 0] = sizes;
  assert.ok(first > 8_000 && second < 500 && third < 500, `they took ${sizes} bytes`);
});

both('ends that do not want compression have none', async (t, way) => {
  const { visitor, service } = await origin.pair(t, way, { server: { perMessageDeflate: false } });
  assert.deepEqual([visitor.extensions, service.extensions], ['', '']);
});

both('a thousand messages of every kind come back in order', async (t, way) => {
  const { visitor, service } = await origin.pair(t, way);
  echoAll(service);
  const sent = Array.from({ length: 1_000 }, (_, i) => ({
    data: i % 3 === 0 ? randomBytes(i * 7) : Buffer.from(`${i} ✓`.padEnd(i, '.')),
    isBinary: i % 3 === 0,
  }));
  const back = messages(visitor, sent.length);
  for (const { data, isBinary } of sent) visitor.send(data, { binary: isBinary });
  assert.deepEqual(await back, sent);
});

both('the service chooses among the subprotocols that the visitor offers', async (t, way) => {
  const handleProtocols = (offered: Set<string>): string => [...offered].slice(-1)[0] as string;
  const pair = await origin.pair(t, way, { protocols: ['chat.v3', 'chat.v2'], server: { handleProtocols } });
  assert.equal(pair.handshake.request.headers['sec-websocket-protocol'], 'chat.v3,chat.v2');
  assert.equal(pair.visitor.protocol, 'chat.v2');
});

both('the service sees the path, the cookies and the page that asks', async (t, way) => {
  const headers = { Origin: 'https://evil.test', Cookie: 'a=1; b=2' };
  const { handshake } = await origin.pair(t, way, { path: '/a%2Fb?q=1&r=%20', client: { headers } });
  const { url, headers: seen } = handshake.request;
  assert.equal(url, '/a%2Fb?q=1&r=%20');
  assert.equal(seen.origin, 'https://evil.test');
  assert.equal(seen.cookie, 'a=1; b=2');
  // What development servers insist on.
  assert.equal(seen.host, `localhost:${origin.port}`);
  if (way.isTunnel) assert.equal(seen['x-forwarded-host'], way.host);
});
