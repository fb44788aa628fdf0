import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { FakeClock } from '../support/fake-clock.ts';
import { caseCount, Random } from '../support/random.ts';
import { HostilePeer } from '../support/v2-hostile.ts';

const seed = Number(process.env['ADIT_FUZZ_SEED'] ?? 20_261_121);
/** What a session may be told at most before another one takes its place. */
const sessionCases = 400;
const growthBytes = 64 * 1_048_576;

for (const side of ['hub', 'agent'] as const) {
  test(`v2: whatever a peer says, the ${side}'s session takes it or ends with 1002, and no other session notices`, async () => {
    const cases = Math.ceil(caseCount(100_000) / 2);
    const clock = new FakeClock();
    const windows = new WindowBudget(limits.processWindows);
    const random = new Random(seed);
    const bystander = new HostilePeer(side, new Random(1), { clock, windows });
    await bystander.register();
    const heapBytes = process.memoryUsage().heapUsed;
    let endCount = 0;
    for (let done = 0; done < cases; ) {
      const sessionSeed = random.below(2 ** 32);
      const peer = new HostilePeer(side, new Random(sessionSeed), { clock, windows });
      await peer.register();
      for (let i = 0; i < sessionCases && peer.closeCodes.length === 0 && done < cases; i += 1) {
        done += 1;
        try {
          peer.attack();
        } catch (error) {
          const hex = peer.lastPacket.subarray(0, 100).toString('hex');
          throw new Error(`ADIT_FUZZ_SEED=${seed}: case ${done} of session ${sessionSeed} ${hex}`, { cause: error });
        }
        if (i % 10 === 0) await turn();
        if (i % 50 === 0) clock.advance(100);
      }
      const isEnded = peer.closeCodes.length > 0;
      if (isEnded) {
        endCount += 1;
        assert.deepEqual(peer.closeCodes, [1_002], `ADIT_FUZZ_SEED=${seed}, session ${sessionSeed}`);
        assert.equal(peer.answersPing(), false, 'a session that has ended says nothing more');
      } else assert.ok(peer.answersPing());
      peer.cut();
      await turn();
      assert.equal(windows.take(limits.processWindows), limits.processWindows, `session ${sessionSeed} keeps windows`);
      windows.release(limits.processWindows);
      assert.ok(bystander.answersPing(), 'another session is hurt');
    }
    assert.ok(endCount > cases / 1_000, `only ${endCount} sessions were ended: the attack is too tame`);
    assert.deepEqual(bystander.closeCodes, []);
    assert.ok(process.memoryUsage().heapUsed - heapBytes < growthBytes, 'memory grows');
    bystander.cut();
    clock.advance(2_000);
    assert.equal(clock.pendingCount, 0, 'timers are left');
  });
}
