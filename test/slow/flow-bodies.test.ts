import { after } from 'node:test';
import { FlowOrigin, startFlowTunnel } from '../support/flow.ts';
import { testBodies } from '../support/flow-bodies.ts';

const origin = await FlowOrigin.start({ after });
const tunnel = await startFlowTunnel({ after }, origin.port);
testBodies({ origin, tunnel, byteCount: 1_073_741_824 });
