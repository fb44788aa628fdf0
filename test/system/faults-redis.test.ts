import { describe } from 'node:test';
import { without } from '../support/features.ts';
import {
  testHubCalledGone,
  testHubCutFromRedis,
  testRedisKilled,
  testRedisStopped,
  testSubscribersKilled,
} from '../support/redis-faults.ts';

const skip = without('redis');

// Each has a Redis of its own, and they mostly wait.
describe('Redis', { concurrency: true }, () => {
  testRedisKilled({ skip });
  testRedisStopped(3_000, skip);
  testHubCutFromRedis(skip);
  testHubCalledGone(skip);
  testSubscribersKilled(skip);
});
