import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNginx } from '../support/nginx.ts';
import { startOrigin } from '../support/origin.ts';
import { freePort, startAgent, startHub, temporaryFolder } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

test('a refusal reaches a visitor that is still sending its body, also through a proxy in front', async (t) => {
  const origin = await startOrigin(t);
  const hub = await startHub(t);
  const agent = await startAgent(t, ['--hub', hub.url, String(origin.port)]);
  const proxyPort = await freePort();
  await startNginx(t, temporaryFolder(t), [
    `server { listen 127.0.0.1:${proxyPort}; client_max_body_size 0; location / {
       proxy_pass http://127.0.0.1:${hub.port}; proxy_http_version 1.1;
       proxy_request_buffering off; proxy_set_header Host $host; } }`,
  ]);
  for (const port of [hub.port, proxyPort]) {
    for (const byteCount of [600_000, 3_000_000, 20_000_000]) {
      // A reset that overtakes the response is a matter of luck, so luck gets several chances.
      for (let round = 0; round < 5; round += 1) {
        const body = Buffer.alloc(byteCount);
        // On a connection of its own: nginx may close one on which it answered early after saying that it keeps it.
        const headers = { Connection: 'close' };
        const { status } = await visit({ port, host: agent.hostname, method: 'POST', headers, body });
        assert.equal(status, 413);
      }
    }
  }
  assert.deepEqual(origin.journal, []);
});
