import { after } from 'node:test';
import { FlowOrigin, startFlowTunnel } from '../support/flow.ts';
import { testStalled } from '../support/flow-stalled.ts';

const origin = await FlowOrigin.start({ after });
const tunnel = await startFlowTunnel({ after }, origin.port);
testStalled({ origin, tunnel, visitorCount: 500, byteCount: 100_000_000 });
