import assert from 'node:assert/strict';
import { systemClock } from '#internal/core/clock';
import { silentLog } from '#internal/core/log';
import { V1AgentSession } from '#internal/link/v1/agent-session';
import { V1HubSession } from '#internal/link/v1/hub-session';
import { limits } from '#messages/limits';
import { FakeClock } from '../support/fake-clock.ts';
import { textLinkPair } from '../support/text-link-pair.ts';
import { TestCluster } from '../support/v2-hub.ts';
import { connectAgent, connectV2Pair, openerAt } from '../support/v2-pair.ts';
import { streamContract } from './stream.ts';

streamContract('wire v1', async (t, accept) => {
  const clock = new FakeClock();
  const pair = textLinkPair();
  const opener = new V1HubSession(
    { isAditAgent: true, timeoutMs: 30_000 },
    {
      clock,
      log: silentLog,
      register: async () => ({ clientId: 'a', hostname: 'a.tunnel.test' }),
      onClosed: () => undefined,
      onStrayAnswer: () => undefined,
    },
    pair.left,
  );
  const agent = new V1AgentSession(
    { maxBodyBytes: limits.v1Body, abandonMs: 300_000 },
    { clock, log: silentLog, accept, onRegistered: () => undefined, onClosed: () => undefined },
    pair.right,
  );
  assert.equal(await agent.register('token', ''), 'a.tunnel.test');
  t.after(() => pair.cut());
  return { opener, close: () => pair.cut() };
});

streamContract("wire v1 at another hub than the visitor's", async (t, accept) => {
  const cluster = new TestCluster(new FakeClock());
  const [here, there] = [await cluster.hub(), await cluster.hub()];
  const pair = textLinkPair();
  here.acceptV1(pair.left);
  const agent = new V1AgentSession(
    { maxBodyBytes: limits.v1Body, abandonMs: 300_000 },
    { clock: cluster.clock, log: silentLog, accept, onRegistered: () => undefined, onClosed: () => undefined },
    pair.right,
  );
  await agent.register('token', '');
  t.after(() => pair.cut());
  return { opener: openerAt(there), close: () => pair.cut() };
});

streamContract("wire v2 at another hub than the visitor's", async (t, accept) => {
  const cluster = new TestCluster(systemClock);
  const [here, there] = [await cluster.hub(), await cluster.hub()];
  const { link } = await connectAgent(here, accept, { clock: cluster.clock });
  t.after(link.cut);
  return { opener: openerAt(there), close: link.cut };
});

streamContract('wire v2', async (t, accept) => {
  const { opener, link } = await connectV2Pair(accept);
  t.after(link.cut);
  return { opener, close: link.cut };
});
