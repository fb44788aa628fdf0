import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { after, test } from 'node:test';
import WebSocket from 'ws';
import { startOrigin } from '../support/origin.ts';
import { startAgent, startHub } from '../support/processes.ts';
import { Relay } from '../support/relay.ts';
import { visit } from '../support/visit.ts';

const body = randomBytes(48 * 1_048_576);
const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const origin = await startOrigin({ after }, (request, response, received) => {
  if (request.method === 'POST') response.end(digest(received));
  else response.end(body);
});
const relay = await Relay.start({ after });
const hub = await startHub({ after }, ['--base', `http://localhost:${relay.port}`, '--max-body', 'unlimited']);
relay.targets = [hub.port];
const agent = await startAgent({ after }, ['--hub', `http://localhost:${relay.port}`, String(origin.port)]);
const host = agent.hostname;

/** Cuts the agent's connection, and waits until it is back. */
async function cut(): Promise<void> {
  const from = agent.program.lines.length;
  relay.cut();
  await agent.event('offline', from);
  await agent.event('online', from);
}

test('resume: a download goes on, with every byte, over three connections', async () => {
  const request = http.get({ host: '127.0.0.1', port: hub.port, headers: { Host: host } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const hash = createHash('sha256');
  let received = 0;
  let cuts = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    hash.update(chunk);
    received += chunk.length;
    if (received > ((cuts + 1) * body.length) / 4 && cuts < 2) {
      cuts += 1;
      await cut();
    }
  }
  assert.equal(cuts, 2);
  assert.equal(received, body.length);
  assert.equal(hash.digest('hex'), digest(body));
});

test('resume: an upload goes on, and the origin is asked once', async () => {
  const before = origin.journal.length;
  const request = http.request({ host: '127.0.0.1', port: hub.port, method: 'POST', headers: { Host: host } });
  const answered = once(request, 'response');
  const half = body.length / 2;
  request.write(body.subarray(0, half));
  await once(request, 'drain');
  await cut();
  request.end(body.subarray(half));
  const [response] = (await answered) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), digest(body));
  assert.equal(origin.journal.length, before + 1);
});

test('resume: a websocket stays open, and what was said in between arrives', async (t) => {
  const websocket = new WebSocket(`ws://127.0.0.1:${hub.port}/`, { headers: { Host: host } });
  t.after(() => websocket.terminate());
  await once(websocket, 'open');
  const heard: string[] = [];
  websocket.on('message', (data) => heard.push(String(data)));
  websocket.send('before');
  await once(websocket, 'message');
  const isBack = cut();
  for (let i = 0; i < 10; i += 1) websocket.send(`while away ${i}`);
  await isBack;
  websocket.send('after');
  while (heard.length < 12) await once(websocket, 'message');
  assert.deepEqual(heard, ['before', ...Array.from({ length: 10 }, (_, i) => `while away ${i}`), 'after']);
});

test('resume: who asks while the agent is away waits for it', async () => {
  const from = agent.program.lines.length;
  relay.cut();
  const answers = await Promise.all([visit({ port: hub.port, host }), visit({ port: hub.port, host })]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200],
  );
  await agent.event('online', from);
});

test('resume: a hub that goes finishes what is under way, though the next one knows nothing of it', async (t) => {
  let answer: (() => void) | undefined;
  let asked: (() => void) | undefined;
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const service = await startOrigin(t, (request, response) => {
    if (request.url !== '/slow') return void response.end('at once');
    answer = () => void response.end('in the end');
    asked?.();
  });
  const way = await Relay.start(t);
  const args = ['--base', `http://localhost:${way.port}`];
  const [leaving, next] = await Promise.all([startHub(t, args), startHub(t, args)]);
  way.targets = [leaving.port];
  const published = await startAgent(t, ['--hub', `http://localhost:${way.port}`, String(service.port)]);
  const waiting = visit({ port: leaving.port, host: published.hostname, path: '/slow' });
  await isAsked;
  way.targets = [next.port];
  const from = published.program.lines.length;
  leaving.program.signal('SIGTERM');
  await published.event('online', from);
  assert.equal((await visit({ port: next.port, host: published.hostname })).text, 'at once');
  answer?.();
  assert.equal((await waiting).text, 'in the end');
  assert.equal((await leaving.program.exited).code, 0);
});
