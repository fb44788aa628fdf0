import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { freePort, Program, startAgent, startHub, temporaryFolder } from '../support/processes.ts';
import { visit } from '../support/visit.ts';
import { complaintsOf, launchChromium } from './chromium.ts';

const program = fileURLToPath(new URL('../../node_modules/vite/bin/vite.js', import.meta.url));

let browser: Browser;
before(async () => {
  // Vite lets every name below localhost in, so this is one that it does not.
  browser = await launchChromium(['--host-resolver-rules=MAP *.tunnel.test 127.0.0.1']);
});
after(() => browser.close());

const files = {
  'index.html': `<!doctype html>
<html lang="en"><head><link rel="icon" href="data:,"></head>
<body><h1></h1><p></p><script type="module" src="/src/main.js"></script></body></html>`,
  'src/main.js': `import './style.css';
import { greeting } from './greeting.js';
const show = (text) => { document.querySelector('h1').textContent = text; };
show(greeting);
document.querySelector('p').textContent = String(performance.timeOrigin);
import.meta.hot.accept('./greeting.js', (module) => show(module.greeting));
`,
  'src/greeting.js': `export const greeting = 'Hello';\n`,
  'src/style.css': 'h1 { color: rgb(1, 2, 3); }\n',
};

/** Vite's development server as a project without a configuration has it, published at a name of its own. */
async function publish(t: TestContext, agentArgs: string[] = []) {
  const project = temporaryFolder(t);
  mkdirSync(join(project, 'src'));
  const write = (name: string, text: string): void => writeFileSync(join(project, name), text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  const vitePort = await freePort();
  // Where CI is set, Vite colours even what no terminal shows.
  const vite = new Program(program, [project, '--port', String(vitePort), '--strictPort'], { NO_COLOR: '1' });
  t.after(() => vite.stop());
  await vite.line((line) => (line.includes('Local:') ? true : undefined));
  const hubPort = await freePort();
  const base = `http://localhost:${hubPort}`;
  await startHub(t, ['--listen', `127.0.0.1:${hubPort}`, '--base', base, '--domain', 'tunnel.test']);
  const agent = await startAgent(t, ['--hub', base, ...agentArgs, String(vitePort)]);
  return { write, hubPort, host: `${agent.hostname}:${hubPort}` };
}

test('Vite replaces modules and styles in a page that stays', async (t) => {
  const { write, host } = await publish(t);
  const page = await browser.newPage();
  t.after(() => page.close());
  const complaints = complaintsOf(page);
  const websockets: string[] = [];
  page.on('websocket', (websocket) => websockets.push(websocket.url()));
  const isConnected = page.waitForEvent('console', (message) => message.text().includes('[vite] connected.'));
  await page.goto(`http://${host}/`);
  await page.getByRole('heading', { name: 'Hello', exact: true }).waitFor();
  await isConnected;
  // It would try localhost next, where Vite is on this machine and on no visitor's.
  assert.ok(websockets.length === 1 && websockets[0]?.startsWith(`ws://${host}/`), `${websockets}`);
  const loadedAt = await page.locator('p').textContent();

  write('src/greeting.js', `export const greeting = 'Hello again';\n`);
  await page.getByRole('heading', { name: 'Hello again' }).waitFor();
  write('src/style.css', 'h1 { color: rgb(3, 2, 1); }\n');
  await page.waitForFunction(`getComputedStyle(document.querySelector('h1')).color === 'rgb(3, 2, 1)'`);
  assert.equal(await page.locator('p').textContent(), loadedAt);
  assert.equal(await page.evaluate('String(performance.timeOrigin)'), loadedAt);

  // What no module can replace is loaded anew.
  write('index.html', files['index.html'].replace('<head>', '<head><title>Another page</title>'));
  await page.waitForFunction(`document.title === 'Another page' && document.querySelector('h1').textContent !== ''`);
  assert.notEqual(await page.locator('p').textContent(), loadedAt);
  assert.deepEqual(complaints, []);
});

test('Vite refuses a name that is not its own, which --host-header rewrite spares it', async (t) => {
  const { hubPort, host } = await publish(t, ['--host-header', 'preserve']);
  const { status, text } = await visit({ port: hubPort, host });
  assert.equal(status, 403);
  assert.match(text, /Blocked request/);
});
