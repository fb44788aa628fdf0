import { cutSchedules, testCuts } from '../support/cuts.ts';
import { without } from '../support/features.ts';

const full = { cuts: 30, everyMs: 2_000, byteCount: 100_000_000, websocketCount: 50, bytesPerSecond: 2_000_000 };

for (const hubs of [1, 3]) {
  const skip = without(hubs === 1 ? 'grace' : 'redis');
  for (const schedule of Object.keys(cutSchedules)) testCuts({ ...full, schedule, hubs, skip });
}
