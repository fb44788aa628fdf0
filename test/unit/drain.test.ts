import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drain } from '#internal/hub/edge/drain';
import { UnderWay } from '#internal/hub/edge/under-way';
import { FakeClock } from '../support/fake-clock.ts';
import { quietTurns } from '../support/peer.ts';

/** A hub that drains, with everybody else in the hand of a test. */
class Draining {
  readonly clock = new FakeClock();
  readonly underWay = new UnderWay();
  visitorCount = 0;
  isSilent = true;
  /** Agents have something under way for visitors of other hubs. */
  areAgentsBusy = false;
  /** When agents were asked for something new for the last time. */
  lastAskedAt: number | undefined;
  /** When what happened, in milliseconds since the drain began. */
  stoppedAt: number | undefined;
  endedAt: number | undefined;
  #startedAt = 0;

  start(drainMs = 25_000): void {
    this.#startedAt = this.clock.now();
    const listener = {
      visitorCount: this.visitorCount,
      stopAccepting: async () => {
        this.stoppedAt = this.clock.now() - this.#startedAt;
      },
      closeSilent: () => this.isSilent,
    };
    const agents = {
      leave: ({ isLast }: { isLast: boolean }) => {
        if (isLast) this.lastAskedAt ??= this.clock.now() - this.#startedAt;
        return !this.areAgentsBusy;
      },
    };
    void drain(drainMs, { clock: this.clock, listener, underWay: this.underWay, agents }).then(() => {
      this.endedAt = this.clock.now() - this.#startedAt;
    });
  }

  async advance(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.advance(50);
      await quietTurns();
    }
  }
}

test('a hub without visitors has drained at once', async () => {
  const hub = new Draining();
  hub.clock.advance(60_000);
  hub.underWay.begin(hub.clock.now() - 5_000);
  hub.underWay.end();
  hub.start();
  await quietTurns();
  assert.deepEqual([hub.stoppedAt, hub.endedAt], [0, 0]);
  assert.equal(hub.clock.pendingCount, 0);
});

const company: Record<string, (hub: Draining) => void> = {
  'a visitor is connected': (hub) => {
    hub.visitorCount = 1;
  },
  'a request came a moment ago': ({ underWay, clock }) => {
    underWay.begin(clock.now() - 4_900);
    underWay.end();
  },
  'somebody asked a moment ago whether it is ready': ({ underWay, clock }) => {
    underWay.askedAt = clock.now() - 4_900;
  },
};
for (const [what, arrange] of Object.entries(company)) {
  test(`a hub does not go at once when ${what}`, async () => {
    const hub = new Draining();
    hub.clock.advance(60_000);
    arrange(hub);
    hub.start();
    await hub.advance(6_000);
    // Whoever is connected gets the time to notice; five seconds after the last request nobody is left.
    const expected = hub.visitorCount > 0 ? 3_000 : 100;
    assert.deepEqual([hub.stoppedAt, hub.endedAt], [expected, expected]);
  });
}

test('visitors that come all the time are taken until the last seconds, and those under way are waited for', async () => {
  const hub = new Draining();
  hub.visitorCount = 1;
  hub.start();
  for (let at = 0; at < 22_000; at += 500) {
    if (at <= 20_000) hub.underWay.begin(hub.clock.now());
    await hub.advance(500);
    if (at < 20_000) hub.underWay.end();
  }
  assert.deepEqual([hub.stoppedAt, hub.endedAt], [20_000, undefined]);
  hub.underWay.end();
  await hub.advance(50);
  assert.equal(hub.endedAt, 22_050);
});

test('one that takes long does not keep others coming, and is given up at the end', async () => {
  const hub = new Draining();
  hub.underWay.begin(0);
  hub.visitorCount = 1;
  hub.start();
  await hub.advance(26_000);
  assert.deepEqual([hub.stoppedAt, hub.endedAt], [3_000, 25_000]);
});

test('a short drain leaves its second half to what came last', async () => {
  const hub = new Draining();
  hub.underWay.begin(0);
  hub.visitorCount = 1;
  hub.isSilent = false;
  hub.start(1_000);
  await hub.advance(800);
  hub.underWay.end();
  await hub.advance(400);
  assert.deepEqual([hub.stoppedAt, hub.endedAt], [500, 1_000]);
});

test('what agents do for visitors of other hubs is waited for', async () => {
  const hub = new Draining();
  hub.clock.advance(60_000);
  hub.areAgentsBusy = true;
  hub.start();
  await quietTurns();
  await hub.advance(10_000);
  assert.deepEqual([hub.stoppedAt, hub.endedAt], [0, undefined]);
  hub.areAgentsBusy = false;
  await hub.advance(50);
  assert.deepEqual([hub.lastAskedAt, hub.endedAt], [10_050, 10_050]);
});

test('agents with which it never ends are asked for nothing new in the last seconds', async () => {
  const hub = new Draining();
  hub.clock.advance(60_000);
  hub.areAgentsBusy = true;
  hub.start();
  await quietTurns();
  await hub.advance(26_000);
  assert.deepEqual([hub.lastAskedAt, hub.endedAt], [20_000, 25_000]);
});

test('agents go behind the visitors that they may serve, and before the last seconds of those', async () => {
  const hub = new Draining();
  hub.underWay.begin(0);
  hub.visitorCount = 1;
  let leftAt = Number.NaN;
  Object.defineProperty(hub, 'areAgentsBusy', {
    get: () => {
      if (Number.isNaN(leftAt)) leftAt = hub.clock.now();
      return false;
    },
  });
  hub.start();
  const startedAt = hub.clock.now();
  await hub.advance(26_000);
  assert.deepEqual([leftAt - startedAt, hub.endedAt], [20_000, 25_000]);
});
