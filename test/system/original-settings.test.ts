import assert from 'node:assert/strict';
import { readFileSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { echoed, startOrigin } from '../support/origin.ts';
import { type Cleanup, freePort, Program, spawnAgent, temporaryFolder } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const origin = await startOrigin({ after });

/** A hub that is configured as the original was, by nothing but variables. */
async function startHub(t: Cleanup, env: Record<string, string>): Promise<number> {
  const program = new Program('adit-server', [], { ADDR: '127.0.0.1:0', ...env });
  t.after(() => program.stop());
  return Number(await program.line((line) => /"port":(\d+).*hub is listening/.exec(line)?.[1]));
}

async function startAgent(t: Cleanup, env: Record<string, string>): Promise<{ url: string; hostname: string }> {
  const agent = spawnAgent(t, [], { LOCAL: `http://localhost:${origin.port}`, ...env });
  const line = await agent.line((text) => (text.includes('"online"') ? text : undefined));
  return JSON.parse(line) as { url: string; hostname: string };
}

test('without DOMAIN, as the original has it, tunnels have no hostnames and are found by path', async (t) => {
  const port = await startHub(t, {});
  const { url, hostname } = await startAgent(t, { PROXY_ENDPOINT: `http://localhost:${port}` });
  assert.equal(hostname, '');
  const { pathname } = new URL(url);
  assert.match(pathname, /^\/proxy\/request\/[a-z2-7]{52}\/$/);
  const { status, text } = await visit({ port, host: `localhost:${port}`, path: `${pathname}deep?q` });
  assert.equal(status, 200);
  assert.equal(echoed({ text }).url, '/deep?q');
});

test('ADDR, BASE and DOMAIN make a hub of any name', async (t) => {
  const port = await freePort();
  const endpoint = `http://localhost:${port}`;
  await startHub(t, { ADDR: `127.0.0.1:${port}`, BASE: endpoint, DOMAIN: 'Tunnel.test', CACHE: 'inmem' });
  const { url, hostname } = await startAgent(t, { PROXY_ENDPOINT: endpoint });
  assert.match(hostname, /^[a-z2-7]{52}\.tunnel\.test$/);
  assert.equal(url, `http://${hostname}:${port}/`);
  assert.equal((await visit({ port, host: hostname })).status, 200);
});

test('an agent that dials another name than BASE ends with 4 and names both', async (t) => {
  const port = await startHub(t, { BASE: 'https://hub.test', DOMAIN: 'hub.test' });
  const agent = spawnAgent(t, [], { LOCAL: '3000', PROXY_ENDPOINT: `http://localhost:${port}` });
  assert.equal((await agent.exited).code, 4);
  assert.ok(agent.stderr.includes(`http://localhost:${port}`), agent.stderr);
  assert.ok(agent.stderr.includes('https://hub.test'), agent.stderr);
});

test('STATE receives the hostname, and KEY is made where there is none', async (t) => {
  const folder = temporaryFolder(t);
  const [key, state] = [join(folder, 'keys', 'proxy-client.pem'), join(folder, 'state.json')];
  const watcher = watch(folder);
  t.after(() => watcher.close());
  const written = new Promise<void>((resolve) => {
    watcher.on('change', (_, name) => name === 'state.json' && resolve());
  });
  const port = await startHub(t, { DOMAIN: 'localhost' });
  const env = { PROXY_ENDPOINT: `http://localhost:${port}`, KEY: key, STATE: state };
  const { hostname } = await startAgent(t, env);
  // It comes a moment after the event, and whole.
  await written;
  assert.deepEqual(JSON.parse(readFileSync(state, 'utf8')), { hostname });
  assert.match(readFileSync(key, 'utf8'), /^-----BEGIN EC PRIVATE KEY-----\n/);
  assert.equal(statSync(key).mode & 0o777, 0o600);
});

test('LOCAL_URL is what the service is asked under, as a host or as a URL', async (t) => {
  const port = await startHub(t, { DOMAIN: 'localhost' });
  for (const LOCAL_URL of ['shop.test:81', 'http://shop.test:81']) {
    const { hostname } = await startAgent(t, { PROXY_ENDPOINT: `http://localhost:${port}`, LOCAL_URL });
    assert.equal(echoed(await visit({ port, host: hostname })).headers['host'], 'shop.test:81');
  }
});
