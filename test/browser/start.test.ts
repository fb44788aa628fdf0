import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { agentSettings } from '../../cmd/adit/settings.ts';
import { serverSettings } from '../../cmd/adit-server/settings.ts';
import { startOrigin } from '../support/origin.ts';
import { temporaryFolder } from '../support/processes.ts';
import { complaintsOf, launchChromium, look } from './chromium.ts';
import { isRunning, NpmStart } from './npm-start.ts';

let browser: Browser;
before(async () => {
  browser = await launchChromium();
});
after(() => browser.close());

function npmStart(t: TestContext, words: string[] = [], env: Record<string, string> = {}): NpmStart {
  const home = temporaryFolder(t);
  return new NpmStart(t, { words, env: { HOME: home, XDG_RUNTIME_DIR: home, ...env } });
}

/** The real curl, which finds names below localhost by itself. */
async function curl(url: URL): Promise<{ status: number; body: string }> {
  const args = ['--silent', '--noproxy', '*', '--write-out', '\n%{http_code}', url.href];
  const { stdout } = await promisify(execFile)('curl', args);
  const [, body = '', status] = /^([\s\S]*)\n(\d+)$/.exec(stdout) ?? [];
  return { status: Number(status), body };
}

test('npm start publishes a sample page for browsers and curl, and SIGINT ends all of it with exit code 0', async (t) => {
  const start = npmStart(t);
  const url = await start.url();
  const { main, hub, agent } = await start.processes();
  assert.match(url.hostname, /^[a-z2-7]{52}\.localhost$/);
  assert.equal((await curl(url)).status, 200);

  const page = await browser.newPage();
  t.after(() => page.close());
  const complaints = complaintsOf(page);
  await page.goto(url.href);
  await page.getByRole('heading', { name: 'This page came through the tunnel.' }).waitFor();
  const request = page.getByRole('region', { name: 'Your request, as the service saw it' });
  await request.getByText('GET / HTTP/1.1', { exact: true }).waitFor();
  await request.getByText(url.host, { exact: true }).waitFor();
  await request.getByText(/^127\.0\.0\.1:\d+$/).waitFor();
  await page.getByText(/^Median of the last [23] requests: \d+(\.\d)? ms\.$/).waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Go on' }).click();
  const { width, height, colourCount } = await look(browser, page);
  assert.deepEqual([width, height], [1_280, 720]);
  assert.ok(colourCount > 10, `the page has ${colourCount} colours`);
  assert.deepEqual(complaints, []);

  process.kill(main, 'SIGINT');
  assert.equal(await start.exited, 0, start.output);
  assert.match(start.output, /Stopped\.\n$/);
  assert.deepEqual([hub, agent].filter(isRunning), []);
  await page.getByText('No answer: is Adit still running?').waitFor();
});

test('npm start fits a phone, light and dark, and does without scripts', async (t) => {
  const url = await npmStart(t).url();
  for (const colorScheme of ['light', 'dark'] as const) {
    const viewport = { width: 390, height: 800 };
    const page = await browser.newPage({ colorScheme, viewport, javaScriptEnabled: false });
    t.after(() => page.close());
    await page.goto(url.href);
    await page.getByText('Scripts are off, so nothing is measured.').waitFor();
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
    const background = String(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
    const brightness = (background.match(/\d+/g) ?? []).reduce((sum, channel) => sum + Number(channel), 0) / 3;
    assert.equal(brightness > 128 ? 'light' : 'dark', colorScheme, background);
  }
});

test('npm start says nothing but goodbye when Ctrl-C reaches everyone again and again', async (t) => {
  const start = npmStart(t);
  const { main, hub, agent } = await start.processes();
  const before = start.output;
  for (let i = 0; i < 3; i += 1) process.kill(-(start.process.pid as number), 'SIGINT');
  process.kill(main, 'SIGTERM');
  await start.exited;
  assert.equal(start.output.slice(before.length).trim(), 'Stopped.');
  assert.deepEqual([main, hub, agent].filter(isRunning), []);
});

test('npm start ends soon although the service has not answered a visitor yet', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const asked = once(origin.server, 'request');
  const start = npmStart(t, [String(origin.port)]);
  const answer = curl(await start.url());
  const { main } = await start.processes();
  await asked;
  const startedAt = performance.now();
  process.kill(main, 'SIGINT');
  assert.equal(await start.exited, 0, start.output);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs < 3_000, `it took ${tookMs} ms`);
  assert.equal((await answer).status, 502);
});

test('npm start takes its leave when npm is killed', async (t) => {
  const start = npmStart(t);
  const { hub, agent } = await start.processes();
  start.process.kill('SIGTERM');
  await start.exited;
  assert.match(start.output, /Stopped\.\n$/);
  assert.deepEqual([hub, agent].filter(isRunning), []);
});

test('npm start takes another port when the usual one is taken', async (t) => {
  for (const host of ['127.0.0.1', '::1']) {
    const other = createServer().listen({ port: 6519, host });
    t.after(() => other.close());
    const fault = await once(other, 'listening').then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    );
    // Whoever else holds the port serves this test as well. A machine without IPv6 has nothing to take.
    if (fault === 'EADDRNOTAVAIL' || fault === 'EAFNOSUPPORT') continue;
    const url = await npmStart(t).url();
    assert.notEqual(url.port, '6519');
    assert.equal((await curl(url)).status, 200);
    other.close();
  }
});

test('npm start -- <port> and -- <url> publish that service', async (t) => {
  const origin = await startOrigin(t);
  for (const [word, name] of [
    [String(origin.port), `port ${origin.port}`],
    [`http://127.0.0.1:${origin.port}`, `http://127.0.0.1:${origin.port}`],
  ] as const) {
    const start = npmStart(t, [word]);
    const { status, body } = await curl(new URL('/some/path?and=query', await start.url()));
    assert.equal(status, 200);
    assert.equal(JSON.parse(body).url, '/some/path?and=query');
    assert.ok(start.output.includes(`Adit publishes ${name} at`), start.output);
  }
  assert.deepEqual(origin.journal, ['GET /some/path?and=query', 'GET /some/path?and=query']);
});

test('npm start -- unix:<path> publishes what listens on a local socket', async (t) => {
  const path = join(temporaryFolder(t), 'app.sock');
  const service = http.createServer((_request, response) => response.end('from a socket')).listen(path);
  t.after(() => {
    service.closeAllConnections();
    service.close();
  });
  await once(service, 'listening');
  const start = npmStart(t, [`unix:${path}`]);
  assert.equal((await curl(await start.url())).body, 'from a socket');
});

test('npm start -- --dev publishes from the sources, and ends as well', async (t) => {
  const start = npmStart(t, ['--dev']);
  assert.equal((await curl(await start.url())).status, 200);
  const { main, hub, agent } = await start.processes();
  process.kill(main, 'SIGINT');
  assert.equal(await start.exited, 0, start.output);
  assert.deepEqual([hub, agent].filter(isRunning), []);
});

test('npm start is not disturbed by what configures hubs and agents elsewhere', async (t) => {
  const settings = [...Object.values(serverSettings({})), ...Object.values(agentSettings)];
  const names = settings.flatMap(({ env }): readonly string[] => env).filter((name) => name !== 'KEY');
  assert.ok(names.includes('DOMAIN') && names.includes('PROXY_ENDPOINT'), 'the settings have lost their names');
  const nonsense = [...names, 'CACHE', 'PUBSUB', 'REDIS', 'LOCAL'].map((name) => [name, 'redis']);
  const proxies = { HTTP_PROXY: 'http://127.0.0.1:9', http_proxy: 'http://127.0.0.1:9' };
  const start = npmStart(t, [], { ...Object.fromEntries(nonsense), ...proxies });
  assert.equal((await curl(await start.url())).status, 200);
});

test('npm start says which part died, ends the other and exits with 1', async (t) => {
  for (const victim of ['agent', 'hub'] as const) {
    const start = npmStart(t);
    const { hub, agent, ...all } = { ...(await start.processes()) };
    process.kill({ hub, agent }[victim], 'SIGKILL');
    assert.equal(await start.exited, 1, start.output);
    assert.ok(start.output.includes(`The ${victim} ended unexpectedly (SIGKILL).`), start.output);
    assert.deepEqual([hub, agent, all.main].filter(isRunning), []);
  }
});

test('npm start refuses what it cannot publish, with exit code 2 and the usage', async (t) => {
  for (const [words, reason] of [
    [['70000'], 'cannot publish "70000": ports go from 1 to 65535'],
    [['ftp://localhost'], 'ftp:// is none of http://, https:// and unix:'],
    [['http://localhost:3000/path'], 'without a path or a user'],
    [['not a host'], 'write a port such as 3000'],
    [['3000', '4000'], 'one service at a time'],
    [['--unknown'], "Unknown option '--unknown'"],
  ] as const) {
    const start = npmStart(t, [...words]);
    assert.equal(await start.exited, 2, start.output);
    assert.ok(start.output.includes(reason), start.output);
    assert.ok(start.output.includes('Usage: npm start'), start.output);
  }
});
