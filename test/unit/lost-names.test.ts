import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import type { SessionRecord } from '#internal/hub/directory/directory';
import { MemoryDirectory } from '#internal/hub/directory/memory';
import type { V2AgentSession } from '#internal/link/v2/agent-session';
import { packetKinds } from '#messages/v2';
import type { Meddle } from '../support/packet-link-pair.ts';
import { pairClientId, type TestHub } from '../support/v2-hub.ts';
import { connectAgent } from '../support/v2-pair.ts';
import { Roaming } from '../support/v2-roaming.ts';

test('an agent whose name the directory has seen go to another is told so, although the directory is away again', async () => {
  const roaming = new Roaming();
  const { directory } = roaming.cluster;
  const hub = await roaming.cluster.hub();
  const { closed } = await roaming.connect(hub);
  const previous = directory.find(pairClientId) as SessionRecord;
  const away = new AditError('ADIT_HUB_BUSY', 'not now');
  Object.assign(directory, { find: () => Promise.reject(away) });
  hub.sessions.lost([{ previous, clientId: pairClientId }]);
  await roaming.settle();
  assert.equal(closed.agent, 1008);
});

const names = ['', 'x'.repeat(52), 'y'.repeat(52)];

/** An agent with three names, and the numbers of those that it is told to have lost, connection by connection. */
function wanderer(roaming: Roaming) {
  let session: V2AgentSession | undefined;
  return async (hub: TestHub) => {
    const lost: number[] = [];
    const meddle: Meddle = (packet) => {
      if (packet[0] === packetKinds.withdraw) lost.push(JSON.parse(packet.toString('utf8', 1)).tunnel);
      return [packet];
    };
    const { clock } = roaming;
    const options = { clock, names, meddle, ...(session && { resumed: session }) };
    const connected = await connectAgent(hub, roaming.accept, options);
    session = connected.session;
    await roaming.settle();
    return { ...connected, lost };
  };
}

for (const isOther of [false, true]) {
  const place = isOther ? 'at another hub' : 'at its hub';
  test(`a session that goes on ${place} is told which of its names were taken meanwhile`, async () => {
    const roaming = new Roaming();
    const [hub, other] = [await roaming.cluster.hub(), await roaming.cluster.hub()];
    const connect = wanderer(roaming);
    const { link } = await connect(hub);
    link.cut();
    await roaming.settle();
    await connectAgent(other, roaming.accept, { clock: roaming.clock, names: names.slice(1, 2) });
    await roaming.settle();
    const { lost } = await connect(isOther ? other : hub);
    assert.deepEqual(lost, [1]);
    // And goes on to be.
    await connectAgent(hub, roaming.accept, { clock: roaming.clock, names: names.slice(2) });
    await roaming.settle();
    assert.deepEqual(lost, [1, 2]);
  });
}

test('a name that is taken before its agent knows that it was registered is withdrawn only then', async () => {
  const roaming = new Roaming();
  const hub = await roaming.cluster.hub();
  const { directory } = roaming.cluster;
  Object.assign(directory, {
    claim: async (record: SessionRecord, clientIds: string[]) => {
      const losses = await MemoryDirectory.prototype.claim.call(directory, record, clientIds);
      hub.sessions.lost([{ previous: record, clientId: names[1] as string }]);
      return losses;
    },
  });
  const { closed, lost } = await wanderer(roaming)(hub);
  assert.deepEqual(lost, [1]);
  assert.equal(closed.agent, 0);
});
