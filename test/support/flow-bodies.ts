import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryWatch } from './figures.ts';
import { download, type FlowOrigin, upload } from './flow.ts';
import type { Tunnel } from './processes.ts';

const mostMegabytes = 150;

/** Bodies of that length pass unharmed both ways, and neither hub nor agent collects them. */
export function testBodies(at: { origin: FlowOrigin; tunnel: Tunnel; byteCount: number }): void {
  const { origin, tunnel, byteCount } = at;
  const size = `${byteCount / 1_048_576} MiB`;
  for (const form of ['length', 'chunked']) {
    test(`${size} pass down unharmed with little memory (${form})`, async (t) => {
      const memory = new MemoryWatch(t, { hub: tunnel.hub.program, agent: tunnel.agent.program });
      const path = `/down/${byteCount}?hash&${form}`;
      const got = await download(tunnel, path);
      const sent = await origin.event(path, 'sent');
      t.diagnostic(`${Math.round(byteCount / got.ms / 1_000)} MB/s, ${JSON.stringify(memory.most)} MB`);
      assert.deepEqual([got.byteCount, got.sha256], [byteCount, sent.sha256]);
      checkMemory(memory);
    });

    test(`${size} pass up unharmed with little memory (${form})`, async (t) => {
      const memory = new MemoryWatch(t, { hub: tunnel.hub.program, agent: tunnel.agent.program });
      const path = `/up?hash&${form}`;
      const sent = await upload(tunnel, path, byteCount);
      const got = await origin.event(path, 'received');
      t.diagnostic(`${Math.round(byteCount / sent.ms / 1_000)} MB/s, ${JSON.stringify(memory.most)} MB`);
      assert.deepEqual([got.byteCount, got.sha256], [byteCount, sent.sha256]);
      checkMemory(memory);
    });
  }
}

function checkMemory(memory: MemoryWatch): void {
  for (const [name, megabytes] of Object.entries(memory.most)) {
    assert.ok(megabytes <= mostMegabytes, `${name}: ${megabytes} MB`);
  }
}
