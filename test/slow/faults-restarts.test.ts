import { without } from '../support/features.ts';
import { testRollingRestart } from '../support/rolling-restart.ts';

testRollingRestart({
  hubs: 3,
  rounds: 2,
  visitorCount: 50,
  requestCount: 100_000,
  agentCount: 5,
  websocketCount: 20,
  skip: without('redis'),
});
