import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Claim, type ClaimOptions, claimSession } from '#internal/agent/claim-session';
import { AditError } from '#internal/core/errors';
import { temporaryFolder } from '../support/processes.ts';

function optionsIn(t: TestContext): ClaimOptions {
  return {
    folder: temporaryFolder(t),
    hub: 'https://hub.test',
    keyId: `${'b'.repeat(51)}a`,
    session: undefined,
    endpoint: { host: 'localhost', port: 3000 },
    self: { pid: 4242, origin: 'http://localhost:3000' },
  };
}

async function claim(t: TestContext, options: ClaimOptions): Promise<Claim> {
  const claimed = await claimSession(options);
  t.after(() => claimed.lock.release());
  return claimed;
}

test('the first has the name of the key, and the next ones give way to it by their port', async (t) => {
  const options = optionsIn(t);
  const first = await claim(t, options);
  assert.deepEqual([first.session, first.gaveWayTo], ['', undefined]);
  const second = await claim(t, options);
  assert.deepEqual([second.session, second.gaveWayTo], ['port-3000', options.self]);
  assert.equal((await claim(t, options)).session, 'port-3000-2');
  assert.equal((await claim(t, options)).session, 'port-3000-3');
  assert.equal((await claim(t, { ...options, endpoint: { host: 'localhost', port: 8080 } })).session, 'port-8080');
});

test('a name that was given back is taken by the next', async (t) => {
  const options = optionsIn(t);
  const first = await claim(t, options);
  const second = await claim(t, options);
  second.lock.release();
  assert.equal((await claim(t, options)).session, 'port-3000');
  first.lock.release();
  assert.equal((await claim(t, options)).session, '');
});

test('a session that is named is the one that is claimed', async (t) => {
  const options = optionsIn(t);
  const { session, gaveWayTo } = await claim(t, { ...options, session: 'blue' });
  assert.deepEqual([session, gaveWayTo], ['blue', undefined]);
  // It is another name than the key's own.
  assert.equal((await claim(t, options)).session, '');
});

test('a named session that is in use is refused, and the message names the process and its service', async (t) => {
  const options = { ...optionsIn(t), session: 'blue' };
  await claim(t, options);
  await assert.rejects(claimSession({ ...options, self: { pid: 1, origin: 'another' } }), (error) => {
    assert.ok(error instanceof AditError);
    assert.equal(error.code, 'ADIT_SESSION_IN_USE');
    assert.match(error.message, /^session "blue" of this key .*pid 4242, which publishes http:\/\/localhost:3000/);
    return true;
  });
});

test('the key’s own name does not give way when it is asked for by an empty session', async (t) => {
  const options = optionsIn(t);
  await claim(t, options);
  await assert.rejects(
    claimSession({ ...options, session: '' }),
    /^AditError: this key is in use by adit with pid 4242/,
  );
});

test('other hubs and other keys have names of their own', async (t) => {
  const options = optionsIn(t);
  await claim(t, options);
  assert.equal((await claim(t, { ...options, hub: 'https://other.test' })).session, '');
  assert.equal((await claim(t, { ...options, keyId: `${'c'.repeat(51)}a` })).session, '');
});

for (const [path, session] of [
  ['/run/app.sock', 'socket-app'],
  ['relative/My App_2.sock', 'socket-my-app-2'],
  ['\\\\.\\pipe\\name', 'socket-name'],
  ['/run/.sock', 'socket'],
] as const) {
  test(`a second agent that publishes the socket ${path} has the session ${session}`, async (t) => {
    const options = { ...optionsIn(t), endpoint: { path } };
    await claim(t, options);
    assert.equal((await claim(t, options)).session, session);
    assert.equal((await claim(t, options)).session, `${session}-2`);
  });
}
