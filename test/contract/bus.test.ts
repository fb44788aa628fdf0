import { MemoryNetwork } from '#internal/bus/memory';
import { busContract } from './bus.ts';

busContract('the memory bus', async (_t, onError) => {
  const network = new MemoryNetwork(onError);
  return (node) => network.bus(node);
});
