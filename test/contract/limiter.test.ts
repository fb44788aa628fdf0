import { randomBytes } from 'node:crypto';
import { MemoryNetwork } from '#internal/bus/memory';
import { systemClock } from '#internal/core/clock';
import { SharedLimiter } from '#internal/hub/limiter/shared';
import { decodeNodeMessage } from '#messages/node';
import { loneLimiter } from '../support/lone-limiter.ts';
import { limiterContract } from './limiter.ts';

limiterContract('the limiter of one hub', async (_t, rate, count) => {
  const limiter = loneLimiter(rate);
  return Array.from({ length: count }, () => limiter);
});

limiterContract('the limiters of several hubs', async (t, rate, count) => {
  const network = new MemoryNetwork((thrown) => {
    throw thrown;
  });
  const holder = randomBytes(8).toString('hex');
  const limiters = [];
  for (let i = 0; i < count; i += 1) {
    const bus = network.bus(i === 0 ? holder : randomBytes(8).toString('hex'));
    const limiter = new SharedLimiter(rate, {
      clock: systemClock,
      bus,
      holder: () => (i === 0 ? undefined : holder),
    });
    await bus.start({
      message: (from, message) => limiter.message(from, decodeNodeMessage(message)),
      gone: () => undefined,
      heard: () => undefined,
      writable: () => undefined,
    });
    t.after(() => bus.close());
    limiters.push(limiter);
  }
  return limiters;
});
