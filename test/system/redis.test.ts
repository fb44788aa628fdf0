import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { makeCertificates } from '../support/certificate.ts';
import { freePort, type HubProcess, runToEnd, startHub, temporaryFolder } from '../support/processes.ts';
import { RedisServer, startRedis, startTlsRedis } from '../support/redis.ts';
import { Relay } from '../support/relay.ts';

/** Waits until the hub says this of whether it is ready. */
async function untilReady(port: number, isSo: (status: number, text: string) => boolean): Promise<string> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { headers: { connection: 'close' } });
    const text = await response.text();
    if (isSo(response.status, text)) return text;
  }
}

/** What a hub's log says of a Redis, once that is all: it comes another way than the hub's answers, and may be later. */
async function told(hub: HubProcess, port: number, isAll: (lines: string[]) => boolean): Promise<string[]> {
  return await hub.program.line(() => {
    const lines = hub.program.lines.filter((line) => line.includes(`127.0.0.1:${port}`));
    return isAll(lines) ? lines : undefined;
  });
}

test('a hub without its Redis is not ready, says why without the password, and is once Redis is there', async (t) => {
  const port = await freePort();
  const hub = await startHub(t, [], { REDIS_URL: `redis://:secret@127.0.0.1:${port}` });
  const text = await untilReady(hub.port, (status) => status === 503);
  assert.match(text, new RegExp(`redis 127\\.0\\.0\\.1:${port} cannot be reached`));
  const server = new RedisServer(port, ['--port', String(port), '--save', '', '--requirepass', 'secret']);
  t.after(() => server.stop());
  await server.start();
  await untilReady(hub.port, (status) => status === 200);
  await server.stop();
  await untilReady(hub.port, (status) => status === 503);
  const lines = await told(hub, port, ({ length }) => length >= 3);
  assert.equal(lines.length, 3, lines.join('\n'));
  assert.match(lines[0] ?? '', /cannot be reached: connect ECONNREFUSED/);
  assert.match(lines[1] ?? '', /is connected/);
  assert.match(lines[2] ?? '', /cannot be reached/);
  assert.doesNotMatch(text + hub.program.lines.join('\n') + hub.program.stderr, /secret/);
});

test('a hub whose Redis serves as many clients as it may says that this can be why it is not ready', async (t) => {
  const server = await startRedis(t, ['--maxclients', '1']);
  const client = connect(server.port, '127.0.0.1');
  t.after(() => client.destroy());
  await once(client, 'connect');
  const hub = await startHub(t, ['--redis', server.url]);
  await untilReady(hub.port, (status, text) => status === 503 && /maxclients|max number of clients/.test(text));
  client.destroy();
});

test('a hub whose Redis is there says only that', async (t) => {
  const server = await startRedis(t);
  const hub = await startHub(t, ['--redis', server.url]);
  await untilReady(hub.port, (status) => status === 200);
  const lines = await told(hub, server.port, ({ length }) => length >= 1);
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(lines[0] ?? '', /is connected/);
});

test('a hub whose Redis is a replica says so once, and that it is not ready', async (t) => {
  const server = await startRedis(t, ['--replicaof', '127.0.0.1', String(await freePort())]);
  const relay = await Relay.start(t, [server.port]);
  const hub = await startHub(t, ['--redis', `redis://127.0.0.1:${relay.port}`]);
  await untilReady(hub.port, (status, text) => status === 503 && /READONLY/.test(text));
  await untilReady(hub.port, () => relay.connectionCount >= 9);
  const lines = await told(hub, relay.port, ({ length }) => length >= 2);
  assert.equal(lines.length, 2, lines.join('\n'));
  // It may refuse before all connections are there.
  assert.match(lines.join('\n'), /is connected/);
  assert.match(lines.join('\n'), /refuses what hubs note there: READONLY/);
});

test('a hub whose user may not publish or subscribe says so once, and is ready once it may', async (t) => {
  const lacking = ['publish', 'subscribe'].map(async (right) => {
    const user = ['--user', 'hub', 'on', '>pw', '~adit:*', '&adit:*', '+@all', `-${right}`];
    const server = await startRedis(t, ['--user', 'default', 'on', 'nopass', '+@all', ...user]);
    const relay = await Relay.start(t, [server.port]);
    const hub = await startHub(t, ['--redis', `redis://hub:pw@127.0.0.1:${relay.port}`]);
    const isRefused = new RegExp(`NOPERM.*'${right}'`);
    await untilReady(hub.port, (status, text) => status === 503 && isRefused.test(text));
    const lastTold = (what: RegExp) => told(hub, relay.port, (lines) => what.test(lines.at(-1) ?? ''));
    // It is connected to anew every 5 s, which is no news: it would be of no use again.
    await untilReady(hub.port, () => relay.connectionCount >= 6);
    await untilReady(hub.port, (status, text) => status === 503 && isRefused.test(text));
    const lines = await lastTold(isRefused);
    assert.equal(lines.filter((line) => isRefused.test(line)).length, 1, lines.join('\n'));
    await server.command('ACL', 'SETUSER', 'hub', `+${right}`);
    await untilReady(hub.port, (status) => status === 200);
    await lastTold(/is connected/);
  });
  await Promise.all(lacking);
});

test('a right that is missing is told in the log, also when Redis refuses before all connections are there', async (t) => {
  for (const right of ['eval', 'set']) {
    const server = await startRedis(t, ['--user', 'default', 'on', 'nopass', '~*', '&*', '+@all', `-${right}`]);
    const hub = await startHub(t, ['--redis', server.url]);
    await untilReady(hub.port, (status, text) => status === 503 && /refuses what hubs note there/.test(text));
    const refusal = /refuses what hubs note there: .*(NOPERM|user executing the script|ACL failure in script)/;
    const lines = await told(hub, server.port, (all) => all.some((line) => refusal.test(line)));
    assert.doesNotMatch(lines.join('\n'), /cannot be reached/);
  }
});

test('the variables of the original select its Redis', async (t) => {
  const server = await startRedis(t);
  const env = { PUBSUB: 'redis', CACHE: 'redis', REDIS: `127.0.0.1:${server.port}` };
  const hub = await startHub(t, [], env);
  await untilReady(hub.port, (status) => status === 200);
});

test('a Redis behind TLS is known by --redis-ca, and not without it', async (t) => {
  const certificates = makeCertificates(temporaryFolder(t));
  const server = await startTlsRedis(t, certificates);
  const trusting = await startHub(t, ['--redis', server.url, '--redis-ca', certificates.caPath]);
  await untilReady(trusting.port, (status) => status === 200);
  const other = await startHub(t, ['--redis', server.url]);
  await untilReady(other.port, (status, text) => status === 503 && /certificate/.test(text));
});

test('why no node of a Redis Cluster can be reached is told', async (t) => {
  const certificates = makeCertificates(temporaryFolder(t));
  const { port } = await startTlsRedis(t, certificates);
  const reasons = {
    [`redis+cluster://127.0.0.1:${await freePort()}`]: /connect ECONNREFUSED/,
    'redis+cluster://nohost.invalid': /getaddrinfo/,
    [`rediss+cluster://localhost:${port}`]: /certificate/,
    [`redis+cluster://localhost:${port}`]: /if it speaks TLS, its URL begins with rediss/,
  };
  const told = Object.entries(reasons).map(async ([url, reason]) => {
    const hub = await startHub(t, ['--redis', url]);
    await untilReady(hub.port, (status, text) => status === 503 && reason.test(text));
  });
  await Promise.all(told);
});

test('--redis-ca that cannot be used ends the hub with 2', async () => {
  const { code, stderr } = await runToEnd('adit-server', ['--redis', 'redis://127.0.0.1', '--redis-ca', 'ca.pem']);
  assert.equal(code, 2);
  assert.match(stderr, /--redis-ca goes with a --redis that begins with rediss/);
  const notOne = import.meta.filename;
  const other = await runToEnd('adit-server', ['--redis', 'rediss://127.0.0.1:1', '--redis-ca', notOne]);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /^adit-server: --redis-ca: .* is not a certificate in PEM form: .*\n$/);
});
