import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after } from 'node:test';
import { bothWays } from '../support/both-ways.ts';
import { echoAll, messages, UpgradeOrigin } from '../support/upgrade-origin.ts';

const origin = await UpgradeOrigin.start({ after });
const both = await bothWays(origin.port);

const sha = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

both('messages of 16 MB pass in both directions, text and binary', async (t, way) => {
  const { visitor, service } = await origin.pair(t, way, { client: { perMessageDeflate: false } });
  const bytes = randomBytes(16_000_000);
  for (const [content, isBinary] of [
    [bytes, true],
    [bytes.toString('base64').slice(0, 16_000_000), false],
  ] as const) {
    for (const [sender, receiver] of [
      [visitor, service],
      [service, visitor],
    ] as const) {
      const arrived = messages(receiver, 1);
      sender.send(content);
      const [message] = await arrived;
      assert.equal(message?.isBinary, isBinary);
      assert.equal(message?.data.length, 16_000_000);
      assert.equal(sha(message?.data as Buffer), sha(Buffer.from(content)));
    }
  }
});

const stallBytes = 32_000_000;

both('an end that reads nothing holds up its own websocket and no other', async (t, way) => {
  for (const slow of ['visitor', 'service'] as const) {
    const stalled = await origin.pair(t, way);
    const lively = await origin.pair(t, way);
    echoAll(lively.service);
    const fast = slow === 'visitor' ? 'service' : 'visitor';
    stalled[slow].pause();
    const pieces = Array.from({ length: stallBytes / 500_000 }, (_, i) => Buffer.alloc(500_000, i));
    for (const piece of pieces) stalled[fast].send(piece, { compress: false });
    for (let i = 0; i < 200; i += 1) {
      const back = messages(lively.visitor, 1);
      lively.visitor.send(`message ${i}`);
      assert.equal((await back)[0]?.data.toString(), `message ${i}`);
    }
    assert.ok(stalled[fast].bufferedAmount > 0, 'all of it went somewhere although nobody reads');
    const arrived = messages(stalled[slow], pieces.length);
    stalled[slow].resume();
    assert.ok((await arrived).every(({ data }, i) => data.equals(pieces[i] as Buffer)));
  }
});

both('what was sent before a close arrives before it', async (t, way) => {
  const { visitor, service } = await origin.pair(t, way);
  service.pause();
  const pieces = Array.from({ length: 8 }, () => randomBytes(1_000_000));
  for (const piece of pieces) visitor.send(piece);
  visitor.close(4000, 'that was all');
  const arrived = messages(service, pieces.length);
  const closed = once(service, 'close');
  service.resume();
  assert.ok((await arrived).every(({ data }, i) => data.equals(pieces[i] as Buffer)));
  assert.equal((await closed)[0], 4000);
});
