import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MemoryNetwork } from '#internal/bus/memory';
import { SharedLimiter } from '#internal/hub/limiter/shared';
import { decodeNodeMessage } from '#messages/node';
import { FakeClock } from '../support/fake-clock.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface StartOptions {
  /** Delivers an answer when it likes. */
  carry?: (deliver: () => void) => void;
  /** Who is asked now. */
  holder?: () => string | undefined;
  /** How many requests pass in a minute. */
  count?: number;
}

/** The limiter of a hub that asks another one, `holder`. A third one, `silent`, answers nothing. */
async function start(
  t: TestContext,
  clock: FakeClock,
  { carry = (deliver) => deliver(), holder = () => 'holder', count = 1_000_000 }: StartOptions = {},
): Promise<SharedLimiter> {
  const network = new MemoryNetwork((thrown) => assert.fail(String(thrown)));
  const rate = { count, windowMs: 60_000 };
  const limiters = ['holder', 'asking'].map((node) => {
    const bus = network.bus(node);
    const deps = { clock, bus, holder: node === 'holder' ? () => undefined : holder };
    return { bus, limiter: new SharedLimiter(rate, deps) };
  });
  for (const { bus, limiter } of limiters) {
    await bus.start({
      message: (from, bytes) => {
        const message = decodeNodeMessage(bytes);
        if (message.kind === 'granted') carry(() => limiter.message(from, message));
        else limiter.message(from, message);
      },
      gone: () => undefined,
      heard: () => undefined,
      writable: () => undefined,
    });
    t.after(() => bus.close());
  }
  const silent = network.bus('silent');
  const ignore = (): void => undefined;
  await silent.start({ message: ignore, gone: ignore, heard: ignore, writable: ignore });
  t.after(() => silent.close());
  return (limiters[1] as (typeof limiters)[1]).limiter;
}

const admitted = (limiter: SharedLimiter, count: number): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, () => limiter.admit('a')));

test('what is given in advance is for those too who come before the answer', async (t) => {
  const clock = new FakeClock();
  const limiter = await start(t, clock);
  await admitted(limiter, 10);
  clock.advance(25);
  const first = admitted(limiter, 1);
  await turn();
  await Promise.all([first, admitted(limiter, 20)]);
  assert.equal(limiter.asks.answered, 2);
});

test('a steady rate is asked for every 50 ms, and no rate is known after a rest', async (t) => {
  const clock = new FakeClock();
  const limiter = await start(t, clock);
  for (let i = 0; i < 200; i += 1) {
    await admitted(limiter, 10);
    clock.advance(5);
  }
  assert.ok(limiter.asks.answered <= 25, `${limiter.asks.answered} in a second`);
  clock.advance(60_000);
  const before = limiter.asks.answered;
  await admitted(limiter, 1);
  await admitted(limiter, 1);
  assert.equal(limiter.asks.answered, before + 2);
});

test('an answer that comes late is not taken for the answer of the next question', async (t) => {
  const clock = new FakeClock();
  const answers: (() => void)[] = [];
  let came: () => void = () => undefined;
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      came = resolve;
    });
  const carry = (deliver: () => void): void => {
    answers.push(deliver);
    came();
  };
  const limiter = await start(t, clock, { carry });
  const late = admitted(limiter, 1);
  await next();
  clock.advance(1_000);
  await late;
  const many = admitted(limiter, 10);
  await next();
  for (const deliver of answers) deliver();
  await many;
  assert.deepEqual(limiter.asks, { answered: 1, unanswered: 1 });
});

test('where a session has moved is asked, by those too who waited for the hub that it has left', async (t) => {
  const clock = new FakeClock();
  let holder: string | undefined = 'silent';
  const limiter = await start(t, clock, { holder: () => holder, count: 2 });
  const first = admitted(limiter, 1);
  await turn();
  holder = 'holder';
  const second = admitted(limiter, 1);
  clock.advance(1_000);
  await Promise.all([first, second]);
  await assert.rejects(admitted(limiter, 1));
  assert.deepEqual(limiter.asks, { answered: 2, unanswered: 1 });
  assert.equal(clock.pendingCount, 0);
});

test('a session that has come here is counted here, though others wait for the hub that it has left', async (t) => {
  const clock = new FakeClock();
  let holder: string | undefined = 'silent';
  const limiter = await start(t, clock, { holder: () => holder, count: 2 });
  const first = admitted(limiter, 1);
  await turn();
  holder = undefined;
  clock.advance(1_000);
  await first;
  await admitted(limiter, 1);
  await assert.rejects(admitted(limiter, 1));
  assert.equal(clock.pendingCount, 0);
});

test('a hub that is gone is not waited for: who holds the session now is asked, or nobody', async (t) => {
  const clock = new FakeClock();
  let holder: string | undefined = 'silent';
  const limiter = await start(t, clock, { holder: () => holder, count: 1 });
  const unheld = admitted(limiter, 3);
  await turn();
  limiter.gone('silent');
  await unheld;
  const moved = admitted(limiter, 1);
  await turn();
  holder = 'holder';
  limiter.gone('another');
  assert.equal(limiter.asks.unanswered, 1);
  limiter.gone('silent');
  await moved;
  await assert.rejects(admitted(limiter, 1));
  assert.equal(clock.pendingCount, 0);
});

test('a calendar that is put back makes no window longer than it is', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2027-11-21') });
  const clock = new FakeClock();
  const limiter = await start(t, clock, { count: 1 });
  await admitted(limiter, 1);
  t.mock.timers.setTime(Date.parse('2026-11-21'));
  await assert.rejects(admitted(limiter, 1), { code: 'ADIT_RATE_LIMITED', retryAfterSeconds: 60 });
});
