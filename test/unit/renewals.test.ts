import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Renewals } from '#internal/hub/directory/renewals';
import { FakeClock } from '../support/fake-clock.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The renewals of a hub that holds these, which pass, and what Redis says of all else: '' is that it passes. */
function start(held: readonly string[] = []) {
  const clock = new FakeClock();
  const redis = { says: '', rounds: 0, told: [] as string[] };
  const renewals = new Renewals({
    clock,
    isPossible: () => true,
    held: () => held,
    keep: async () => undefined,
    probe: async () => {
      redis.rounds += 1;
      if (redis.says) throw new Error('no answer', { cause: new Error(redis.says) });
    },
    onRefused: (refusal) => redis.told.push(refusal),
  });
  /** Gives how many rounds there are in that time. */
  const roundsIn = async (seconds: number): Promise<number> => {
    const before = redis.rounds;
    for (let i = 0; i < seconds; i += 1) {
      clock.advance(1_000);
      await turn();
    }
    return redis.rounds - before;
  };
  return { clock, redis, renewals, roundsIn };
}

test('a round that fails is tried again each second, after 15 s each 5 s, however many were asked for meanwhile', async () => {
  const { clock, redis, renewals, roundsIn } = start();
  redis.says = 'Connection is closed.';
  renewals.run();
  await turn();
  assert.equal(await roundsIn(15), 15);
  for (let i = 0; i < 10; i += 1) {
    renewals.run();
    await turn();
  }
  const rounds = await roundsIn(100);
  assert.ok(rounds >= 20 && rounds <= 25, `${rounds} in 100 s`);
  redis.says = '';
  renewals.run();
  await turn();
  assert.equal(await roundsIn(100), 5);
  redis.says = 'Connection is closed.';
  renewals.run();
  await turn();
  assert.equal(await roundsIn(1), 1);
  renewals.close();
  assert.equal(clock.pendingCount, 0);
});

test('what Redis refuses is told once, and that it no longer does when a round passes', async () => {
  const { redis, roundsIn } = start();
  for (const says of ['OOM', 'Connection is closed.', 'OOM', '']) {
    redis.says = says;
    await roundsIn(20);
  }
  assert.deepEqual(redis.told, ['OOM', '']);
});

test('a Redis of which nothing passes for 5 s refuses, whatever it says, and one of which something does, does not', async () => {
  const [nothing, some] = [start(), start(['a session'])];
  for (const { redis, renewals, roundsIn } of [nothing, some]) {
    redis.says = 'connect ECONNREFUSED';
    renewals.run();
    await roundsIn(4);
    assert.equal(renewals.refusal, '');
    await roundsIn(4);
  }
  assert.deepEqual([nothing.renewals.refusal, some.renewals.refusal], ['connect ECONNREFUSED', '']);
  nothing.redis.says = '';
  await nothing.roundsIn(5);
  assert.deepEqual(nothing.redis.told, ['connect ECONNREFUSED', '']);
});

test('that a script may not do what it does is told at once, in the words of each version of Redis', async () => {
  for (const says of [
    "The user executing the script can't run this command or subcommand",
    "ERR The user executing the script can't run this command or subcommand script: 163e, on @user_script:3.",
    "ERR ACL failure in script: User default has no permissions to run the 'set' command script: 163e, on @user_script:3.",
  ]) {
    const { redis, renewals } = start();
    redis.says = says;
    renewals.run();
    await turn();
    assert.deepEqual(redis.told, [says]);
    renewals.close();
  }
});
