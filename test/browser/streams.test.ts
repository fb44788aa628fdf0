import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { startOrigin } from '../support/origin.ts';
import { startTunnel } from '../support/processes.ts';
import { complaintsOf, launchChromium } from './chromium.ts';

let browser: Browser;
before(async () => {
  browser = await launchChromium();
});
after(() => browser.close());

interface Asked {
  request: IncomingMessage;
  response: ServerResponse;
}

const listening = `<!doctype html><title>Events</title><ol></ol><script>
  const log = (text) => document.querySelector('ol').append(Object.assign(document.createElement('li'), { textContent: text }));
  const source = new EventSource('/events');
  source.onopen = () => log('open');
  source.onmessage = ({ data, lastEventId }) => log(data + ' (' + lastEventId + ')');
  source.onerror = () => log(source.readyState === EventSource.CONNECTING ? 'connecting again' : 'given up');
</script>`;

/** A service whose answers to `/` or `/events` a test gives itself, and a page of a browser that has the tunnel to it. */
async function publish(t: TestContext): Promise<{ page: Page; url: string; asked: () => Promise<Asked> }> {
  const waiting: Asked[] = [];
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/favicon.ico') response.writeHead(204).end();
    else if (request.url === '/listening') response.setHeader('Content-Type', 'text/html').end(listening);
    else {
      waiting.push({ request, response });
      origin.server.emit('asked');
    }
  });
  const { agent } = await startTunnel(t, origin.port);
  const page = await browser.newPage();
  t.after(() => page.close());
  const asked = async (): Promise<Asked> => {
    while (waiting.length === 0) await once(origin.server, 'asked');
    return waiting.shift() as Asked;
  };
  return { page, url: agent.url, asked };
}

test('a page that is rendered piece by piece is shown piece by piece', async (t) => {
  const { page, url, asked } = await publish(t);
  const complaints = complaintsOf(page);
  const going = page.goto(url, { waitUntil: 'load' });
  const { response } = await asked();
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
  response.write('<!doctype html><title>Pieces</title><h1>The shell</h1>');
  await page.getByRole('heading', { name: 'The shell' }).waitFor();
  for (let i = 1; i <= 5; i += 1) {
    // As frameworks do it: content first, and a script that puts it in its place.
    response.write(`<template id="t${i}">Piece ${i}</template><p id="p${i}">waiting</p>
      <script>document.getElementById('p${i}').replaceWith(document.getElementById('t${i}').content)</script>`);
    await page.getByText(`Piece ${i}`).waitFor();
    assert.equal(await page.evaluate('document.readyState'), 'loading');
  }
  response.end('<footer>The end</footer>');
  assert.equal((await going)?.status(), 200);
  await page.getByText('The end').waitFor();
  assert.equal(await page.evaluate('document.readyState'), 'complete');
  assert.deepEqual(complaints, []);
});

test('a browser reads a streamed answer of a script while it is being written', async (t) => {
  const { page, url, asked } = await publish(t);
  await page.goto(new URL('/listening', url).href);
  (await asked()).response.writeHead(204).end();
  const reading = page.evaluate(`(async () => {
    const reader = (await fetch('/tokens')).body.pipeThrough(new TextDecoderStream()).getReader();
    window.read = async () => (await reader.read()).value;
  })()`);
  const { response } = await asked();
  response.writeHead(200, { 'Content-Type': 'application/x-ndjson' }).flushHeaders();
  await reading;
  for (let i = 0; i < 20; i += 1) {
    response.write(`{"token":${i}}\n`);
    assert.equal(await page.evaluate('read()'), `{"token":${i}}\n`);
  }
  response.end();
  assert.equal(await page.evaluate('read()'), undefined);
});

test('an event source hears every event at once, and comes back where it was', async (t) => {
  const { page, url, asked } = await publish(t);
  const item = (text: string) => page.getByText(text, { exact: true }).waitFor();
  await page.goto(new URL('/listening', url).href);

  const first = await asked();
  assert.equal(first.request.headers.accept, 'text/event-stream');
  first.response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  first.response.write('retry: 10\n\n');
  await item('open');
  for (let i = 1; i <= 3; i += 1) {
    first.response.write(`id: ${i}\ndata: event ${i}\n\n`);
    await item(`event ${i} (${i})`);
  }

  first.response.end();
  const second = await asked();
  assert.equal(second.request.headers['last-event-id'], '3');
  second.response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  second.response.write('id: 4\ndata: event 4\n\n');
  await item('event 4 (4)');

  // A service that breaks off is asked again, too.
  second.response.destroy();
  const third = await asked();
  assert.equal(third.request.headers['last-event-id'], '4');
  third.response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  third.response.write('data: event 5\n\n');
  await item('event 5 (4)');

  const left = once(third.response, 'close');
  await page.close();
  await left;
});
