import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { after, test } from 'node:test';
import { WebSocket } from 'ws';
import { startNginx } from '../support/nginx.ts';
import { startOrigin } from '../support/origin.ts';
import { freePort, startAgent, startHub, temporaryFolder } from '../support/processes.ts';
import { Relay } from '../support/relay.ts';
import { type Visit, visit } from '../support/visit.ts';

const tunnelCount = 3;
const requestCount = 900;
/** How many are under way at once. */
const visitorCount = 30;

const hub = await startHub({ after }, ['--trusted-proxies', 'loopback', '--rate-limit', 'off']);
const relay = await Relay.start({ after }, [hub.port]);
const port = await freePort();
await startNginx({ after }, temporaryFolder({ after }), [
  `upstream hub { server 127.0.0.1:${relay.port}; keepalive 32; }
   map $http_upgrade $hub_connection { default upgrade; '' ''; }
   server {
     listen 127.0.0.1:${port};
     location / {
       proxy_pass http://hub;
       proxy_http_version 1.1;
       proxy_set_header Host $http_host;
       proxy_set_header Connection "";
       proxy_set_header X-Forwarded-For $remote_addr;
       proxy_set_header X-Forwarded-Proto https;
       proxy_set_header X-Forwarded-Host $http_host;
       proxy_buffering off;
     }
     location /socket {
       proxy_pass http://hub;
       proxy_http_version 1.1;
       proxy_set_header Host $http_host;
       proxy_set_header Upgrade $http_upgrade;
       proxy_set_header Connection $hub_connection;
     }
   }`,
]);

interface Named {
  name: string;
  method: string;
  url: string;
  body: string;
  forwardedFor: string;
  proto: string;
}

const digest = (body: Buffer): string => createHash('sha256').update(body).digest('base64');

/** Answers with its own name and with what it was asked. */
const named =
  (name: string) =>
  (request: IncomingMessage, response: ServerResponse, body: Buffer): void => {
    const { method = '', url = '', headers } = request;
    if (url === '/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(`data: first of ${name}\n\n`);
      eventStreams.set(name, response);
      return;
    }
    const [forwardedFor, proto] = [headers['x-forwarded-for'], headers['x-forwarded-proto']];
    const answer = JSON.stringify({ name, method, url, body: digest(body), forwardedFor, proto });
    if (url.includes('/empty')) response.writeHead(204, { 'X-Name': name }).end();
    else if (url.includes('/chunked')) response.writeHead(404, { 'X-Name': name }).write(answer, () => response.end());
    else response.writeHead(200, { 'X-Name': name }).end(answer);
  };
const eventStreams = new Map<string, ServerResponse>();

const tunnels = await Promise.all(
  Array.from({ length: tunnelCount }, async (_, i) => {
    const name = `service ${i}`;
    const origin = await startOrigin({ after }, named(name));
    const agent = await startAgent({ after }, ['--hub', hub.url, String(origin.port)]);
    return { name, origin, host: agent.hostname };
  }),
);

const kinds = ['/page', '/empty', '/chunked', '/upload', '/head', '/hub', '/start', '/nobody'] as const;
const nobody = `${'a'.repeat(51)}q.localhost`;

/** Asks for the i-th thing, and says whether the right one answered it. */
async function ask(i: number, agent: http.Agent): Promise<void> {
  const { name, host } = tunnels[i % tunnelCount] as (typeof tunnels)[number];
  const kind = kinds[Math.floor(i / tunnelCount) % kinds.length];
  const path = `${kind}?number=${i}`;
  if (kind === '/hub') {
    const { status, text } = await visit({ port, host: 'localhost', path: '/healthz', agent });
    assert.deepEqual([status, text.includes('service')], [200, false], text);
  } else if (kind === '/start') {
    const { headers, text } = await visit({ port, host: 'localhost', agent });
    assert.ok(headers['x-name'] === undefined && !text.includes('"name"'), text);
  } else if (kind === '/nobody') {
    const { headers } = await visit({ port, host: nobody, path, agent });
    assert.equal(headers['adit-error'], 'ADIT_TUNNEL_OFFLINE');
  } else if (kind === '/upload') {
    const body = randomBytes(i * 100);
    const answer = await visit({ port, host, path, agent, method: 'POST', body });
    assert.deepEqual(said(answer), { ...expected(name, path), method: 'POST', body: digest(body) });
  } else {
    const answer = await visit({ port, host, path, agent, method: kind === '/head' ? 'HEAD' : 'GET' });
    assert.equal(answer.headers['x-name'], name);
    assert.equal(answer.status, { '/empty': 204, '/chunked': 404, '/page': 200, '/head': 200 }[kind as '/page']);
    if (kind === '/page' || kind === '/chunked') assert.deepEqual(said(answer), expected(name, path));
    else assert.equal(answer.text, '');
  }
}

function said({ text }: Visit): Named {
  return JSON.parse(text) as Named;
}

function expected(name: string, url: string): Named {
  // The proxy's word for the visitor is believed, and the proxy added.
  const forwardedFor = '127.0.0.1, 127.0.0.1';
  return { name, method: 'GET', url, body: digest(Buffer.alloc(0)), forwardedFor, proto: 'https' };
}

test('hosts that a proxy mixes on its connections each get their own answers', async (t) => {
  const before = relay.connectionCount;
  let next = 0;
  await Promise.all(
    Array.from({ length: visitorCount }, async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      t.after(() => agent.destroy());
      while (next < requestCount) {
        const i = next;
        next += 1;
        await ask(i, agent);
      }
    }),
  );
  // The hub's own pages end their connection; what is for tunnels shares the others.
  const connections = relay.connectionCount - before;
  assert.ok(connections < requestCount * 0.75, `${connections} connections for ${requestCount} requests`);
});

test('one connection of a proxy may carry a request of every host', async (t) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  await ask(0, agent);
  const before = relay.connectionCount;
  // The first two kinds, of every tunnel in turn.
  for (let i = 0; i < 2 * tunnelCount; i += 1) await ask(i, agent);
  assert.equal(relay.connectionCount, before);
});

test('websockets and event streams pass through a proxy as they come', async (t) => {
  await Promise.all(
    tunnels.map(async ({ name, host }) => {
      const websocket = new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers: { Host: host } });
      t.after(() => websocket.terminate());
      await once(websocket, 'open');
      const request = http.request({ host: '127.0.0.1', port, path: '/events', headers: { Host: host } }).end();
      t.after(() => request.destroy());
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.setEncoding('utf8');
      assert.equal((await once(response, 'data'))[0], `data: first of ${name}\n\n`);
      for (let i = 0; i < 20; i += 1) {
        // Each event is sent once the one before it has arrived.
        eventStreams.get(name)?.write(`data: ${i} of ${name}\n\n`);
        assert.equal((await once(response, 'data'))[0], `data: ${i} of ${name}\n\n`);
        websocket.send(`${i} for ${name}`);
        assert.equal(String((await once(websocket, 'message'))[0]), `${i} for ${name}`);
      }
      const closed = once(websocket, 'close');
      websocket.close(4000, name);
      const [code, reason] = await closed;
      assert.deepEqual([code, String(reason)], [4000, name]);
      eventStreams.get(name)?.end();
      await once(response, 'end');
    }),
  );
});
