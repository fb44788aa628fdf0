import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { echo, echoed, startOrigin } from '../support/origin.ts';
import { startHub, startTunnel } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { visit } from '../support/visit.ts';

const origin = await startOrigin({ after }, (request, response, body) => {
  if (request.url === '/moved')
    return response.writeHead(301, { Location: `http://${request.headers.host}/there/` }).end();
  if (!request.url?.startsWith('/cookie')) return echo(request, response, body);
  const cookie = decodeURIComponent(request.url.split('?')[1] ?? '');
  response.writeHead(200, { 'Set-Cookie': cookie, 'Service-Worker-Allowed': '/' }).end();
});
const tunnel = await startTunnel({ after }, origin.port, { hubArgs: ['--metrics-listen', '127.0.0.1:0'] });
const { port, host } = tunnel;
const [clientId = ''] = tunnel.agent.hostname.split('.');
const ownHost = `localhost:${port}`;
const prefix = `/proxy/request/${clientId}`;
const metricsPort = await tunnel.hub.program.line((line) => /"metricsPort":(\d+)/.exec(line)?.[1]);

test('a tunnel is found in any letter case, with a dot at the end and with any port', async () => {
  for (const name of [clientId.toUpperCase(), clientId]) {
    for (const suffix of ['.localhost', '.LocalHost.', '.localhost:80', '.localhost.:']) {
      const seen = echoed(await visit({ port, host: name + suffix }));
      assert.equal(seen.headers['x-forwarded-host'], name + suffix);
    }
  }
});

test('a path below /proxy/request/ leads to the tunnel without any hostname', async () => {
  for (const asked of [ownHost, `127.0.0.1:${port}`]) {
    const seen = echoed(await visit({ port, host: asked, path: `${prefix}/deep/a%2Fb?q=1&r=2` }));
    assert.equal(seen.url, '/deep/a%2Fb?q=1&r=2');
    assert.equal(seen.headers['x-forwarded-prefix'], prefix);
  }
  assert.equal(echoed(await visit({ port, host: ownHost, path: prefix })).url, '/');
  assert.equal(echoed(await visit({ port, host: ownHost, path: `${prefix}?q=1` })).url, '/?q=1');
});

test('a path with a well-formed id that nobody serves is a 502, any other one a 404', async () => {
  const nobody = `${'a'.repeat(51)}q`;
  const offline = await visit({ port, host: ownHost, path: `/proxy/request/${nobody}/` });
  assert.equal(offline.status, 502);
  assert.equal(offline.headers['adit-error'], 'ADIT_TUNNEL_OFFLINE');
  for (const wrong of ['', 'x', clientId.slice(1), `${clientId}a`, '__proto__', clientId.toUpperCase()]) {
    const unknown = await visit({ port, host: ownHost, path: `/proxy/request/${wrong}/` });
    assert.equal(unknown.status, 404, wrong);
    assert.equal(unknown.headers['adit-error'], 'ADIT_TUNNEL_UNKNOWN');
  }
});

test('a hostname with a well-formed id that nobody serves is a 502, any other one a 404', async () => {
  assert.equal((await visit({ port, host: `${'a'.repeat(51)}q.localhost` })).status, 502);
  for (const wrong of ['x', `${clientId.slice(0, 51)}b`, `a.${clientId}`, 'www']) {
    assert.equal((await visit({ port, host: `${wrong}.localhost` })).status, 404, wrong);
  }
});

test('a service that redirects to its own name sends visitors to the public one', async () => {
  const byName = await visit({ port, host, path: '/moved' });
  assert.deepEqual([byName.status, byName.headers.location], [301, `http://${host}/there/`]);
  const byPath = await visit({ port, host: ownHost, path: `${prefix}/moved` });
  assert.deepEqual([byPath.status, byPath.headers.location], [301, `http://${ownHost}${prefix}/there/`]);
});

test('what path routing serves may not claim more than its own prefix', async () => {
  const cases = {
    'a=1; Path=/; HttpOnly': 'a=1; HttpOnly',
    'a=1; Domain=localhost': 'a=1',
    [`a=1; Path=${prefix}/deep; Secure`]: `a=1; Path=${prefix}/deep; Secure`,
    [`a=1; path=${prefix}x`]: 'a=1',
  };
  for (const [cookie, expected] of Object.entries(cases)) {
    const path = `${prefix}/cookie?${encodeURIComponent(cookie)}`;
    const { headers } = await visit({ port, host: ownHost, path });
    assert.deepEqual(headers['set-cookie'], [expected]);
    assert.equal(headers['service-worker-allowed'], undefined);
  }
});

test('a tunnel with a hostname may not set cookies for the whole domain', async () => {
  const cases = {
    'a=1; Path=/; Domain=localhost; HttpOnly': 'a=1; Path=/; HttpOnly',
    'a=1; domain=.LOCALHOST': 'a=1',
    [`a=1; Domain=${clientId}.localhost`]: `a=1; Domain=${clientId}.localhost`,
  };
  for (const [cookie, expected] of Object.entries(cases)) {
    const { headers } = await visit({ port, host, path: `/cookie?${encodeURIComponent(cookie)}` });
    assert.deepEqual(headers['set-cookie'], [expected]);
    assert.equal(headers['service-worker-allowed'], '/');
  }
});

test('--path-routing off takes the paths away', async (t) => {
  const hub = await startHub(t, ['--path-routing', 'off']);
  const path = `/proxy/request/${'a'.repeat(51)}q/`;
  assert.equal((await visit({ port: hub.port, host: 'localhost', path })).status, 404);
});

test("the hub's own host tells its version, and how it is", async () => {
  const { status, headers, text } = await visit({ port, host: ownHost });
  assert.equal(status, 200);
  assert.match(String(headers['content-type']), /^text\/plain/);
  assert.match(text, /^adit-server\/\d+\.\d+\.\d+$/);
  for (const path of ['/healthz', '/readyz']) assert.equal((await visit({ port, host: ownHost, path })).status, 200);
  assert.equal((await visit({ port, host: ownHost, path: '/metrics' })).status, 404);
  assert.equal((await visit({ port, host: ownHost, path: '/proxy/subscribe' })).status, 426);
});

test('a host that is not known reaches health alone', async () => {
  const { status, headers } = await visit({ port, host: 'elsewhere.test' });
  assert.equal(status, 404);
  assert.equal(headers['adit-error'], 'ADIT_HOST_UNKNOWN');
  assert.equal((await visit({ port, host: 'elsewhere.test', path: '/healthz' })).status, 200);
  assert.equal((await visit({ port, host: 'elsewhere.test', path: '/metrics' })).status, 404);
});

test('--metrics-listen serves metrics and health, and no series names a tunnel', async () => {
  const at = { port: Number(metricsPort), host: '127.0.0.1' };
  await visit({ port, host });
  const { status, text } = await visit({ ...at, path: '/metrics' });
  assert.equal(status, 200);
  assert.match(text, /^adit_requests_total\{status="2xx"\} [1-9]/m);
  assert.match(text, /^adit_tunnels 1$/m);
  assert.ok(!text.includes(clientId));
  for (const path of ['/healthz', '/readyz']) assert.equal((await visit({ ...at, path })).status, 200);
});

test('random hosts make no new series', async () => {
  const series = async (): Promise<number> => {
    const { text } = await visit({ port: Number(metricsPort), host: '127.0.0.1', path: '/metrics' });
    return text.split('\n').filter((line) => line.startsWith('adit_')).length;
  };
  await visit({ port, host: 'first.test' });
  const before = await series();
  await Promise.all(Array.from({ length: 200 }, (_, i) => visit({ port, host: `h${i}.test` })));
  assert.equal(await series(), before);
});

test('one connection can ask for a tunnel and for the hub itself in turn', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  const ask = async (asked: string): Promise<string> => {
    visitor.send(`GET /mixed HTTP/1.1\r\nHost: ${asked}\r\n\r\n`);
    return `${(await visitor.response()).status}`;
  };
  assert.equal(await ask(host), '200');
  assert.equal(await ask('elsewhere.test'), '404');
  assert.equal(await ask(host), '200');
  visitor.send(`GET / HTTP/1.1\r\nHost: ${ownHost}\r\n\r\n`);
  assert.match((await visitor.response()).body, /^adit-server\//);
  assert.equal(origin.journal.filter((line) => line === 'GET /mixed').length, 2);
});

test('the host of an absolute target counts before the Host field', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(`GET http://${host}/absolute?q HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n`);
  const seen = echoed({ text: (await visitor.response()).body });
  assert.deepEqual([seen.url, seen.headers['x-forwarded-host']], ['/absolute?q', host]);
  visitor.send(`GET http://elsewhere.test/absolute HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  assert.equal((await visitor.response()).status, 404);
});
