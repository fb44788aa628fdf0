import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FlowOrigin, startFlowTunnel } from '../support/flow.ts';
import { testStalled } from '../support/flow-stalled.ts';
import { isOwnNetwork, limitSendBuffers, runInOwnNetwork, withoutOwnNetwork } from '../support/own-network.ts';

// Within one machine the system lets each upload that is held back fill megabytes, as it would not over a network, and
// a few hundred of them take all memory that it has for TCP: then every connection crawls, whoever it belongs to.
if (isOwnNetwork) limitSendBuffers(262_144);
const origin = await FlowOrigin.start({ after });
const tunnel = await startFlowTunnel({ after }, origin.port);
const at = { origin, tunnel, visitorCount: 500, byteCount: 100_000_000 };

if (isOwnNetwork) testStalled(at, 'uploads that are not read');
else {
  testStalled(at, 'visitors that read nothing');
  testStalled(at, 'visitors that read 1 MB');
  test('uploads that are not read', { skip: withoutOwnNetwork() }, (t) => {
    const { code, said } = runInOwnNetwork(fileURLToPath(import.meta.url));
    t.diagnostic(/grew .*$/m.exec(said)?.[0] ?? '');
    assert.equal(code, 0, said);
  });
}
