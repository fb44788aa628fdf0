import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { echoed, startOrigin } from '../support/origin.ts';
import { startAgent, startHub, temporaryFolder } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import { Relay } from '../support/relay.ts';
import { visit } from '../support/visit.ts';

const origin = await startOrigin({ after });

for (const wire of ['v1', 'v2']) {
  test(`over wire ${wire} an agent of one hub serves the visitors of another`, async (t) => {
    const redis = await startRedis(t);
    const [near, far] = await Promise.all([startHub(t, ['--redis', redis.url]), startHub(t, ['--redis', redis.url])]);
    const agent = await startAgent(t, ['--hub', near.url, '--wire', wire, String(origin.port)]);
    const host = `${agent.hostname}:${far.port}`;
    const first = await visit({ port: far.port, host, path: '/over/there?q' });
    assert.equal(first.status, 200);
    assert.equal(echoed(first).url, '/over/there?q');
    const body = randomBytes(300_000);
    const posted = await visit({ port: far.port, host, path: '/body', method: 'POST', body });
    assert.equal(posted.status, 200);
  });

  test(`over wire ${wire} a key that registers at another hub is served there, for the visitors of both`, async (t) => {
    const redis = await startRedis(t);
    const [near, far] = await Promise.all([startHub(t, ['--redis', redis.url]), startHub(t, ['--redis', redis.url])]);
    const key = ['--key', `${temporaryFolder(t)}/key.pem`, '--wire', wire];
    const first = await startAgent(t, ['--hub', near.url, ...key, String(origin.port)]);
    assert.equal((await visit({ port: far.port, host: first.hostname })).status, 200);
    const second = await startAgent(t, ['--hub', far.url, ...key, String(origin.port)]);
    assert.equal(second.hostname, first.hostname);
    await first.event('replaced');
    assert.equal((await first.program.exited).code, 3);
    for (const { port } of [near, far]) assert.equal((await visit({ port, host: first.hostname })).status, 200);
  });
}

test('an agent that goes on at a hub of another domain is online under its hostname there', async (t) => {
  const redis = await startRedis(t);
  const way = await Relay.start(t);
  const base = `http://localhost:${way.port}`;
  const args = ['--redis', redis.url, '--base', base];
  const [near, far] = await Promise.all([startHub(t, args), startHub(t, [...args, '--domain', 'other.localhost'])]);
  way.targets = [near.port];
  const agent = await startAgent(t, ['--hub', base, String(origin.port)]);
  const from = agent.program.lines.length;
  way.targets = [far.port];
  way.cut();
  const { hostname, url } = await agent.event('online', from);
  assert.equal(hostname, agent.hostname.replace(/localhost$/, 'other.localhost'));
  assert.equal(url, `http://${hostname}:${way.port}/`);
  assert.equal((await visit({ port: far.port, host: String(hostname) })).status, 200);
});

test('while Redis is away a hub serves its own agents’ visitors, and tells others at once', async (t) => {
  const redis = await startRedis(t);
  const [near, far] = await Promise.all([startHub(t, ['--redis', redis.url]), startHub(t, ['--redis', redis.url])]);
  const agent = await startAgent(t, ['--hub', near.url, String(origin.port)]);
  const host = agent.hostname;
  await redis.stop();
  assert.equal((await visit({ port: near.port, host })).status, 200);
  const asked = performance.now();
  const refused = await visit({ port: far.port, host });
  assert.deepEqual([refused.status, refused.headers['adit-error']], [503, 'ADIT_LOOKUP_FAILED']);
  assert.ok(performance.now() - asked < 1_000);
  await redis.start();
  const from = performance.now();
  while ((await visit({ port: far.port, host })).status !== 200) assert.ok(performance.now() - from < 2_000);
});

test('a Redis that is emptied, and loses no connection, leads nobody to say that a tunnel is offline', async (t) => {
  const redis = await startRedis(t);
  const [near, far] = await Promise.all([startHub(t, ['--redis', redis.url]), startHub(t, ['--redis', redis.url])]);
  const agent = await startAgent(t, ['--hub', near.url, String(origin.port)]);
  const visitor = { port: far.port, host: agent.hostname };
  await redis.command('FLUSHALL');
  const from = performance.now();
  const first = await visit(visitor);
  assert.deepEqual([first.headers['adit-error'], first.headers['retry-after']], ['ADIT_LOOKUP_FAILED', '1']);
  while ((await visit(visitor)).status !== 200) assert.ok(performance.now() - from < 2_000);
});

test('a Redis that loses everything while an agent is away costs no request of its other hubs', async (t) => {
  let answer: () => void = () => undefined;
  let asked: () => void = () => undefined;
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const service = await startOrigin(t, (_request, response) => {
    answer = () => void response.end('in the end');
    asked();
  });
  const redis = await startRedis(t);
  const way = await Relay.start(t);
  const args = ['--redis', redis.url, '--base', `http://localhost:${way.port}`];
  const [near, far] = await Promise.all([startHub(t, args), startHub(t, args)]);
  way.targets = [near.port];
  const agent = await startAgent(t, ['--hub', `http://localhost:${way.port}`, String(service.port)]);
  const waiting = visit({ port: far.port, host: agent.hostname });
  await isAsked;
  const from = agent.program.lines.length;
  way.isRefusing = true;
  way.cut();
  await near.program.line((line) => /"msg":"an agent lost its connection/.exec(line)?.[0]);
  await redis.command('FLUSHALL');
  way.isRefusing = false;
  await agent.event('online', from);
  answer();
  assert.equal((await waiting).text, 'in the end');
});

test('a request whose hub was killed is repeated once its agent of wire v1 has registered at another', async (t) => {
  let count = 0;
  let asked: () => void = () => undefined;
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const service = await startOrigin(t, (_request, response) => {
    count += 1;
    if (count === 1) asked();
    else response.end('in the end');
  });
  const redis = await startRedis(t);
  const way = await Relay.start(t);
  const args = ['--redis', redis.url, '--base', `http://localhost:${way.port}`];
  const [near, far] = await Promise.all([startHub(t, args), startHub(t, args)]);
  way.targets = [near.port];
  const agent = await startAgent(t, ['--hub', `http://localhost:${way.port}`, '--wire', 'v1', String(service.port)]);
  const waiting = visit({ port: far.port, host: agent.hostname });
  await isAsked;
  const from = agent.program.lines.length;
  way.targets = [far.port];
  await near.program.stop('SIGKILL');
  await agent.event('online', from);
  const since = performance.now();
  assert.equal((await waiting).text, 'in the end');
  // A hub is known to be gone after 4 s at most.
  assert.ok(performance.now() - since < 8_000);
});

for (const wire of ['v1', 'v2']) {
  test(`over wire ${wire} a hub that stops loses nothing that its agents do for visitors of another`, async (t) => {
    let answer: () => void = () => undefined;
    let asked: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const service = await startOrigin(t, (request, response) => {
      if (request.url !== '/slow') {
        response.end('at once');
        return;
      }
      answer = () => void response.end('in the end');
      asked();
    });
    const redis = await startRedis(t);
    const way = await Relay.start(t);
    const args = ['--redis', redis.url, '--base', `http://localhost:${way.port}`];
    const [near, far] = await Promise.all([startHub(t, args), startHub(t, args)]);
    way.targets = [near.port];
    const agent = await startAgent(t, ['--hub', `http://localhost:${way.port}`, '--wire', wire, String(service.port)]);
    const visitor = { port: far.port, host: agent.hostname, method: 'POST' };
    const waiting = visit({ ...visitor, path: '/slow' });
    await isAsked;
    way.targets = [far.port];
    near.program.signal('SIGTERM');
    // It has no visitors of its own, and takes none any more.
    await assert.rejects(async () => {
      for (;;) {
        const socket = connect(near.port, '127.0.0.1');
        await once(socket, 'connect');
        socket.destroy();
      }
    });
    assert.equal((await visit(visitor)).text, 'at once');
    answer();
    assert.equal((await waiting).text, 'in the end');
    assert.deepEqual(await near.program.exited, { code: 0, signal: null });
  });
}

for (const wire of ['v1', 'v2']) {
  for (const where of ['its own', 'another hub’s']) {
    test(`over wire ${wire} a hub whose drain is over tells its visitors that ${where} agent was not waited for`, async (t) => {
      let asked: () => void = () => undefined;
      const isAsked = new Promise<void>((resolve) => {
        asked = resolve;
      });
      const service = await startOrigin(t, () => asked());
      const args = ['--redis', (await startRedis(t)).url, '--drain', '1s'];
      const [ending, other] = await Promise.all([startHub(t, args), startHub(t, args)]);
      const { url } = where === 'its own' ? ending : other;
      const agent = await startAgent(t, ['--hub', url, '--wire', wire, String(service.port)]);
      const waiting = visit({ port: ending.port, host: agent.hostname });
      await isAsked;
      ending.program.signal('SIGTERM');
      const { status, headers } = await waiting;
      assert.deepEqual([status, headers['adit-error']], [502, 'ADIT_LINK_LOST']);
      assert.deepEqual(await ending.program.exited, { code: 0, signal: null });
    });
  }
}
