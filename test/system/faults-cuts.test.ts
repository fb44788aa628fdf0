import { describe } from 'node:test';
import { cutSchedules, testCuts } from '../support/cuts.ts';
import { without } from '../support/features.ts';

const short = { cuts: 5, everyMs: 300, byteCount: 10_000_000, websocketCount: 10, bytesPerSecond: 5_000_000 };

// They mostly wait for the link, so they wait together.
describe('short cuts', { concurrency: true }, () => {
  for (const schedule of Object.keys(cutSchedules)) testCuts({ ...short, schedule, hubs: 1, skip: without('grace') });
  testCuts({ ...short, schedule: 'anywhere', hubs: 3, skip: without('redis') });
});
