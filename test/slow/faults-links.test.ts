import { testFlapping } from '../support/flapping.ts';
import { testHubKilled } from '../support/hub-killed.ts';

testFlapping({ times: 50, onMs: 2_000, offMs: 2_000 });
testHubKilled({ agents: 20, outageMs: 60_000 });
