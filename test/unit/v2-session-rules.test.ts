import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeGone } from '#internal/link/v2/payloads';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { encodeSessionPacket, packetKinds } from '#messages/v2';
import { FakeClock } from '../support/fake-clock.ts';
import { Random } from '../support/random.ts';
import { HostilePeer } from '../support/v2-hostile.ts';
import { pairNode } from '../support/v2-hub.ts';
import { batch } from '../support/v2-wire.ts';

const newPeer = (side: 'hub' | 'agent'): HostilePeer =>
  new HostilePeer(side, new Random(1), { clock: new FakeClock(), windows: new WindowBudget(limits.processWindows) });

const tooShort = {
  'an empty packet': Buffer.alloc(0),
  'a batch of its kind alone': Buffer.from([packetKinds.batch]),
  'a batch without its last header byte': batch({}).subarray(0, -1),
  'a resend of its kind alone': Buffer.from([packetKinds.resend]),
  'a gone that names no hub': Buffer.from([packetKinds.gone, 1, 2, 3]),
};

for (const side of ['hub', 'agent'] as const) {
  for (const [name, packet] of Object.entries(tooShort)) {
    test(`v2 session: ${name} ends the ${side}'s session with 1002`, async () => {
      const peer = newPeer(side);
      await peer.register();
      peer.give(packet);
      assert.deepEqual(peer.closeCodes, [1_002]);
    });
  }

  test(`v2 session: a packet beyond 128 KiB ends the ${side}'s session with 1002`, async () => {
    const peer = newPeer(side);
    await peer.register();
    peer.give(Buffer.alloc(limits.v2Packet + 1, 0x80));
    assert.deepEqual(peer.closeCodes, [1_002]);
  });

  for (const [kind, packet] of Object.entries({ batch: batch({}), gone: encodeGone(pairNode) })) {
    test(`v2 session: a ${kind} before the registration ends the ${side}'s session with 1002`, () => {
      const peer = newPeer(side);
      peer.give(packet);
      assert.deepEqual(peer.closeCodes, [1_002]);
    });
  }
}

test('v2 session: an agent takes one `registered`, also when two come in one read', async () => {
  const peer = newPeer('agent');
  const isRegistered = peer.register();
  peer.give(
    encodeSessionPacket({
      kind: 'registered',
      version: 2,
      session: 's',
      epoch: 2,
      tunnels: [{ clientId: 'a' }],
      limits: { streams: 1 },
      graceMs: 30_000,
    }),
  );
  await isRegistered;
  assert.deepEqual(peer.closeCodes, [1_002]);
});
