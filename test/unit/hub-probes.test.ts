import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HubProbes } from '#internal/link/v2/hub-probes';
import { FakeClock } from '../support/fake-clock.ts';

type Result = { outcome: 'ok' | 'failed' | 'unknown'; detail: string };

function startProbes() {
  const clock = new FakeClock();
  const answers: string[] = [];
  const finish: ((result: Result) => void)[] = [];
  const probes = new HubProbes({
    clock,
    probe: async () => await new Promise<Result>((resolve) => finish.push(resolve)),
    answer: (nonce, { outcome, detail }) => answers.push(`${nonce} ${outcome} ${detail}`),
  });
  return { clock, answers, finish, probes };
}

test('probes at the hub: one of a session at a time', async () => {
  const { clock, answers, finish, probes } = startProbes();
  const first = probes.asked('one');
  clock.advance(5_000);
  await probes.asked('two');
  assert.deepEqual(answers, ['two unknown one probe in 5 s']);
  finish[0]?.({ outcome: 'ok', detail: '' });
  await first;
  assert.deepEqual(answers.slice(1), ['one ok ']);
});

test('probes at the hub: one of a session in 5 s', async () => {
  const { clock, answers, finish, probes } = startProbes();
  const first = probes.asked('one');
  finish[0]?.({ outcome: 'failed', detail: 'why' });
  await first;
  clock.advance(4_999);
  await probes.asked('two');
  clock.advance(1);
  const third = probes.asked('three');
  finish[1]?.({ outcome: 'ok', detail: '' });
  await third;
  assert.deepEqual(answers, ['one failed why', 'two unknown one probe in 5 s', 'three ok ']);
});
