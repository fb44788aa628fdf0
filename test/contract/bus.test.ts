import { MemoryBus } from '#internal/bus/memory';
import { busContract } from './bus.ts';

busContract('memory bus', async (t, onError) => {
  const bus = new MemoryBus(onError);
  t.after(() => bus.close());
  return bus;
});
