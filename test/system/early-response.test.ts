import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { startNginx } from '../support/nginx.ts';
import { startOrigin } from '../support/origin.ts';
import { type Place, startPlaces } from '../support/places.ts';
import { type Cleanup, freePort, startAgent, startHub, temporaryFolder } from '../support/processes.ts';
import { type RawResponse, RawVisitor } from '../support/raw-visitor.ts';
import { visit } from '../support/visit.ts';
import { within } from '../support/within.ts';

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

/** Writes all of a request before it reads anything. */
async function writeFirst(t: Cleanup, { port, host, tls }: Place): Promise<RawResponse> {
  const visitor = await RawVisitor.connect(t, port, tls);
  visitor.socket.pause();
  visitor.send(`POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 50000000\r\n\r\n`);
  await within(20_000, new Promise((resolve) => visitor.socket.write(Buffer.alloc(50_000_000), resolve)));
  visitor.socket.resume();
  return await visitor.response();
}

test('a refusal reaches a visitor that writes all of its request before it reads', async (t) => {
  const origin = await startOrigin(t);
  const places = await startPlaces(t, origin.port);
  for (const place of Object.values(places)) assert.equal((await writeFirst(t, place)).status, 413);
});

test('so does an early answer of the service', async (t) => {
  const origin = createServer((_request, response) => response.writeHead(403, { Connection: 'close' }).end('no'));
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  t.after(() => origin.close());
  const hub = await startHub(t, ['--max-body', 'unlimited']);
  const agent = await startAgent(t, ['--hub', hub.url, String((origin.address() as AddressInfo).port)]);
  const { status, body } = await writeFirst(t, { port: hub.port, host: agent.hostname });
  assert.deepEqual([status, body], [403, 'no']);
});
