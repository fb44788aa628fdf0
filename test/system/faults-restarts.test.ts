import { without } from '../support/features.ts';
import { testRollingRestart } from '../support/rolling-restart.ts';

testRollingRestart({
  hubs: 2,
  rounds: 1,
  visitorCount: 5,
  requestCount: 1_000,
  agentCount: 2,
  websocketCount: 5,
  skip: without('redis'),
});
