import { testFlapping } from '../support/flapping.ts';
import { testHubKilled } from '../support/hub-killed.ts';

testFlapping({ times: 9, onMs: 100, offMs: 100 });
testHubKilled({ agents: 3, outageMs: 1_000 });
