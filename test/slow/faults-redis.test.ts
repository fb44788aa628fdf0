import { without } from '../support/features.ts';
import { testHubGone, testRedisCluster, testRedisStopped, testSentinel } from '../support/redis-faults.ts';

const skip = without('redis');

testRedisStopped(60_000, skip);
testHubGone(skip);
testSentinel(skip);
testRedisCluster(skip);
