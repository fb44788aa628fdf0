import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { commandErrors } from '#internal/core/errors';
import { agentSettings } from '../../cmd/adit/settings.ts';
import { serverSettings } from '../../cmd/adit-server/settings.ts';
import { makeCertificates } from '../support/certificate.ts';
import { deployed } from '../support/deployed.ts';
import { type Echo, echo, startOrigin } from '../support/origin.ts';
import { freePort, startAgent, startHub, temporaryFolder } from '../support/processes.ts';
import { visit } from '../support/visit.ts';
import { caddy, nginx, strictBodyBytes, type WebServer } from '../support/web-servers.ts';

/** Linux has all of 127.0.0.0/8, so that a visitor can be told from the web server. */
const visitorAddress = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1';

for (const server of [nginx, caddy]) {
  const skip = !server.isHere && `${server.name} is not on this machine`;

  test(`a hub behind ${server.name}, with the configuration that we ship`, { skip }, async (t) => {
    const { host, hostname, ca, httpPort, httpsPort, origin } = await publishBehind(t, server, [
      '--trusted-proxies',
      'loopback',
    ]);
    const ask = async (path: string, options: { headers?: Record<string, string>; agent?: https.Agent } = {}) =>
      await visit({ port: httpsPort, host, ca, path, ...options });

    await t.test('a service that wants https is content', async () => {
      const { status, text } = await ask('/page?a=1');
      assert.equal(status, 200);
      const { url, headers } = JSON.parse(text) as Echo;
      assert.equal(url, '/page?a=1');
      assert.equal(headers['x-forwarded-proto'], 'https');
      assert.equal(headers['x-forwarded-host'], host);
    });

    await t.test('http is sent on to https, with the method and the path', async () => {
      const { status, headers } = await visit({ port: httpPort, host: hostname, path: '/page?a=1' });
      assert.equal(status, 308);
      const location = new URL(headers.location ?? '');
      assert.equal(location.protocol, 'https:');
      assert.equal(location.hostname, hostname);
      assert.equal(location.pathname + location.search, '/page?a=1');
    });

    await t.test("the service learns the visitor's address", async () => {
      const agent = new https.Agent({ localAddress: visitorAddress });
      const { headers } = JSON.parse((await ask('/', { agent })).text) as Echo;
      assert.equal(headers['x-forwarded-for'], `${visitorAddress}, 127.0.0.1`);
    });

    await t.test('what a visitor claims about itself is not believed', async () => {
      const claims = {
        Forwarded: 'for=forged;proto=http;host=forged',
        'X-Forwarded-For': '203.0.113.7',
        'X-Forwarded-Host': 'forged',
        'X-Forwarded-Port': '203',
        'X-Forwarded-Prefix': '/forged',
        'X-Forwarded-Proto': 'http',
        'X-Forwarded-Scheme': 'forged',
        'X-Forwarded-Server': 'forged',
        'X-Forwarded-Ssl': 'forged',
        'X-Real-IP': '203.0.113.7',
        X_Forwarded_For: '203.0.113.7',
        Kept: 'as it was',
      };
      const { status, text } = await ask('/', { headers: claims });
      assert.equal(status, 200);
      const { headers } = JSON.parse(text) as Echo;
      assert.equal(headers['kept'], 'as it was');
      assert.equal(headers['x-forwarded-for'], '127.0.0.1, 127.0.0.1');
      assert.equal(headers['x-forwarded-proto'], 'https');
      const believed = Object.entries(headers).filter(([, value]) => /forged|203\.0\.113/.test(value));
      assert.deepEqual(believed, []);
    });

    await t.test('a websocket goes through', async (t) => {
      const websocket = new WebSocket(`wss://127.0.0.1:${httpsPort}/socket`, {
        agent: new https.Agent({ ca }),
        headers: { Host: host },
      });
      t.after(() => websocket.terminate());
      await once(websocket, 'open');
      websocket.send('there and back');
      const [data] = await once(websocket, 'message');
      assert.equal(String(data), 'there and back');
    });

    await t.test('a browser may speak HTTP/2', async (t) => {
      const session = http2.connect(`https://127.0.0.1:${httpsPort}`, { ca, servername: hostname });
      t.after(() => session.destroy());
      const stream = session.request({ ':path': '/page', ':authority': host });
      const { headers } = JSON.parse(await text(stream)) as Echo;
      assert.equal(headers['x-forwarded-host'], host);
    });

    await t.test('how much a visitor may send is for the hub to say', async () => {
      const { status, text } = await visit({
        port: httpsPort,
        host,
        ca,
        method: 'POST',
        body: Buffer.alloc(strictBodyBytes + 1),
      });
      assert.equal(status, 200);
      assert.equal((JSON.parse(text) as Echo).bodyLength, strictBodyBytes + 1);
    });

    await t.test('long request heads and response heads pass', async () => {
      const { status, headers } = await ask(`/long-head?${'a'.repeat(12_000)}`);
      assert.equal(status, 200);
      assert.equal(headers['long']?.length, 12_000);
    });

    await t.test('a service gives no orders to the web server', async () => {
      const { text } = await ask('/accelerated');
      assert.equal(text, 'its own answer');
      assert.ok(origin.journal.includes('GET /accelerated'));
      assert.ok(!origin.journal.includes('GET /elsewhere'));
    });

    await t.test('the hub itself can be asked for its health', async () => {
      const { status } = await visit({ port: httpsPort, host: `localhost:${httpsPort}`, ca, path: '/healthz' });
      assert.equal(status, 200);
    });
  });

  test(`without --trusted-proxies a service behind ${server.name} redirects for ever`, { skip }, async (t) => {
    const { host, ca, httpsPort } = await publishBehind(t, server, []);
    const { status, headers } = await visit({ port: httpsPort, host, ca, path: '/page' });
    assert.equal(status, 301);
    assert.equal(headers.location, `https://${host}/page`);
  });
}

test('a renewed certificate is served after the deploy hook and a reload', async (t) => {
  const folder = temporaryFolder(t);
  const [first, second] = ['first', 'second'].map((name) => {
    const lineage = join(folder, name);
    mkdirSync(lineage);
    return { lineage, ...makeCertificates(lineage) };
  });
  assert.ok(first && second);
  const tls = join(folder, 'tls');
  const hook = deployed('certbot/adit.sh', {
    'group=adit\n': `group=${execFileSync('id', ['-gn'], { encoding: 'utf8' })}`,
    'folder=/etc/adit/tls': `folder=${tls}`,
    'service=adit-server': 'service=adit-test-that-is-not-there',
  });
  const renew = ({ lineage }: { lineage: string }): void => {
    execFileSync('sh', ['-c', hook], { env: { ...process.env, RENEWED_LINEAGE: lineage }, stdio: 'ignore' });
  };
  renew(first);
  assert.equal(statSync(join(tls, 'privkey.pem')).mode & 0o777, 0o640);
  const files = ['--tls-cert', join(tls, 'fullchain.pem'), '--tls-key', join(tls, 'privkey.pem')];
  const { program, port } = await startHub(t, ['--domain', 'tunnel.test', ...files]);
  assert.equal(await servedSerial(port, first.caPem), serialOf(first.certPath));

  renew(second);
  program.signal('SIGHUP');
  await program.line((line) => (line.includes('were read again') ? true : undefined));
  assert.equal(await servedSerial(port, second.caPem), serialOf(second.certPath));
});

const units = ['adit-server.service', 'adit-server@.service', 'adit@.service'];
const noSystemd = spawnSync('systemd-analyze', ['--version']).error && 'systemd-analyze is not on this machine';

test('systemd understands the units', { skip: noSystemd ?? false }, (t) => {
  const folder = temporaryFolder(t);
  const paths = units.map((name) => {
    const path = join(folder, name);
    // Only the program is not installed here.
    writeFileSync(path, deployed(`systemd/${name}`).replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
    return path;
  });
  const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], { encoding: 'utf8' });
  // Units of this machine may have faults of their own.
  assert.deepEqual(
    stderr.split('\n').filter((line) => line.includes('adit')),
    [],
  );
});

test('systemd does not start again what would end in the same way', () => {
  const final = (name: string): string[] => {
    const codes = /^RestartPreventExitStatus=(.*)$/m.exec(deployed(`systemd/${name}`))?.[1];
    return codes?.split(' ') ?? [];
  };
  const { ADIT_USAGE, ADIT_REPLACED, ADIT_REFUSED } = commandErrors;
  for (const unit of ['adit-server.service', 'adit-server@.service'])
    assert.deepEqual(final(unit), [String(ADIT_USAGE)]);
  assert.deepEqual(final('adit@.service'), [ADIT_USAGE, ADIT_REPLACED, ADIT_REFUSED].map(String));
});

test('the guide names settings that exist', () => {
  const known = [...Object.values(serverSettings({})), ...Object.values(agentSettings)].flatMap(({ env }) => env);
  const named = [...deployed('README.md').matchAll(/(?:^|-e |echo |`)([A-Z][A-Z_]+)=/gm)].map(([, name = '']) => name);
  // Of certbot.
  const unknown = named.filter((name) => !known.includes(name) && name !== 'RENEWED_LINEAGE');
  assert.deepEqual(unknown, []);
  assert.ok(named.includes('TRUSTED_PROXIES') && named.includes('ADIT_HUB'));
});

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
const healthChecks: [host: string, isHere: boolean, prefixes: string[]][] = [
  ['127.0.0.1', true, ['127.0.0.1:', 'localhost:', '0.0.0.0:', ':', '']],
  [visitorAddress, true, [`${visitorAddress}:`]],
  ['[::1]', hasIpv6, ['[::1]:', '[::]:']],
];
for (const [host, isHere, prefixes] of healthChecks) {
  test(`the health check asks a hub at ${host}`, { skip: !isHere && 'not an address of this machine' }, async (t) => {
    const { port, program } = await startHub(t, ['--listen', `${host}:0`]);
    for (const prefix of prefixes) assert.equal(healthOf(prefix + port), 0, prefix);
    await program.stop();
    for (const prefix of prefixes) assert.equal(healthOf(prefix + port), 1, prefix);
  });
}

/** With what the health check ends for a hub that listens there. */
function healthOf(addr: string): number | null {
  const path = fileURLToPath(new URL('../../deploy/healthcheck.mjs', import.meta.url));
  return spawnSync(process.execPath, [path], { env: { ADDR: addr } }).status;
}

/** A tunnel whose hub stands behind a web server; its agent too comes through that. */
async function publishBehind(t: TestContext, server: WebServer, hubArgs: string[]) {
  const folder = temporaryFolder(t);
  const certificates = makeCertificates(folder);
  const httpPort = await freePort();
  const httpsPort = await freePort();
  const base = `https://localhost:${httpsPort}`;
  const hub = await startHub(t, ['--base', base, '--domain', 'tunnel.test', ...hubArgs]);
  await server.start(t, { folder, certificates, httpPort, httpsPort, hubPort: hub.port });
  const origin = await startOrigin(t, asApplicationsDo);
  const agent = await startAgent(t, ['--hub', base, '--hub-ca', certificates.caPath, String(origin.port)]);
  const { host, hostname } = new URL(agent.url);
  return { host, hostname, ca: certificates.caPem, httpPort, httpsPort, origin };
}

/** Answers only what came over https, and redirects the rest there. */
function asApplicationsDo(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const { url = '', headers } = request;
  if (headers['x-forwarded-proto'] !== 'https') {
    response.writeHead(301, { Location: `https://${headers['x-forwarded-host']}${url}` }).end();
  } else if (url === '/accelerated') {
    response.writeHead(200, { 'X-Accel-Redirect': '/elsewhere' }).end('its own answer');
  } else if (url.startsWith('/long-head')) {
    response.writeHead(200, { Long: 'b'.repeat(12_000) }).end();
  } else {
    echo(request, response, body);
  }
}

function serialOf(certPath: string): string {
  return new X509Certificate(readFileSync(certPath)).serialNumber;
}

async function servedSerial(port: number, ca: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca, servername: 'tunnel.test' });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}
