import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MemoryNetwork } from '#internal/bus/memory';
import type { SessionRecord } from '#internal/hub/directory/directory';
import { MemoryDirectory } from '#internal/hub/directory/memory';
import { SharedProbes } from '#internal/hub/shared-probes';
import { limits } from '#messages/limits';
import { decodeNodeMessage } from '#messages/node';
import { probePath } from '#messages/v2';
import { newClientId, newNode, recordOf } from '../contract/directory.ts';
import { FakeClock } from '../support/fake-clock.ts';

const clientId = newClientId();
const target = `${probePath}${'n'.repeat(22)}`;

/** The hub of a tunnel, and one that has no agents. */
async function startHubs({ isSilent = false } = {}) {
  const clock = new FakeClock();
  const network = new MemoryNetwork((thrown) => {
    throw thrown;
  });
  const directory = new MemoryDirectory();
  const asked: string[] = [];
  const start = async (own: string[], isDeaf = false): Promise<{ node: string; probes: SharedProbes }> => {
    const node = newNode();
    const bus = network.bus(node);
    const prober = { isProbe: (...what: [string, string]) => own.includes(what.join(' ')) };
    const probes = new SharedProbes(node, { clock, bus, directory, prober });
    await bus.start({
      message: (from, bytes) => {
        asked.push(decodeNodeMessage(bytes).kind);
        if (!isDeaf) assert.ok(probes.message(from, decodeNodeMessage(bytes)));
      },
      gone: () => undefined,
      heard: () => undefined,
      writable: () => undefined,
    });
    return { node, probes };
  };
  const holder = await start([`${clientId} ${target}`], isSilent);
  const other = await start([]);
  await directory.claim(recordOf(holder.node, clientId), [clientId]);
  return { clock, directory, holder: holder.probes, other: other.probes, asked };
}

test("a probe is known at its own hub at once, and at another one once the tunnel's hub has said so", async () => {
  const { clock, holder, other, asked } = await startHubs();
  assert.equal(holder.isProbe(clientId, target), true);
  assert.equal(await other.isProbe(clientId, target), true);
  assert.equal(await other.isProbe(clientId, target.replace('nn', 'mm')), false);
  assert.deepEqual(asked, ['askProbe', 'probe', 'askProbe', 'noProbe']);
  assert.equal(clock.pendingCount, 0);
});

test('a probe is known where the directory has to be asked first, too', async () => {
  const { directory, other } = await startHubs();
  directory.find = (async (id: string) => MemoryDirectory.prototype.find.call(directory, id)) as never;
  assert.equal(await other.isProbe(clientId, target), true);
  directory.find = (async () => Promise.reject(new Error('away'))) as () => Promise<SessionRecord> as never;
  assert.equal(await other.isProbe(clientId, target), false);
});

test('nobody is asked about what is no probe, or one of a tunnel that is served here or nowhere', async () => {
  const { holder, other, asked } = await startHubs();
  for (const wrong of [
    '/',
    probePath,
    `${probePath}short`,
    `${probePath}${'n'.repeat(65)}`,
    `${target}?x`,
    `/x${target}`,
  ])
    assert.equal(other.isProbe(clientId, wrong), false);
  assert.equal(other.isProbe(newClientId(), target), false);
  assert.equal(holder.isProbe(clientId, target.replace('nn', 'mm')), false);
  await turn();
  assert.deepEqual(asked, []);
});

test('a hub that does not answer is waited for 1 s, and for a limited number of questions', async () => {
  const { clock, other } = await startHubs({ isSilent: true });
  const answers = Array.from({ length: limits.probeCount }, (_, i) => other.isProbe(clientId, `${target}${i}`));
  assert.equal(other.isProbe(clientId, `${target}x`), false);
  clock.advance(1_000);
  assert.deepEqual(new Set(await Promise.all(answers)), new Set([false]));
  assert.equal(clock.pendingCount, 0);
});
