import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { echo, echoed, startOrigin } from '../support/origin.ts';
import { startTunnel } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { visit } from '../support/visit.ts';

/** The requests that the service got whole. */
const served: string[] = [];
const origin = await startOrigin({ after }, (request, response, body) => {
  served.push(request.url ?? '');
  echo(request, response, body);
});
const { port, host } = await startTunnel({ after }, origin.port);
const name = host.replace(/:\d+$/, '');

const head = (line: string, fields: string[]): string => [line, ...fields, '', ''].join('\r\n');
const get = (...fields: string[]): string => head('GET /bad HTTP/1.1', fields);
const at = (target: string): string => head(`GET ${target} HTTP/1.1`, [`Host: ${host}`]);
const upgrade = [
  `Host: ${host}`,
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];
const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `X-${i}: y`);

const refusals: [what: string, status: number, bytes: string][] = [
  ['no Host', 400, get()],
  ['two Hosts', 400, get(`Host: ${host}`, 'Host: evil.test')],
  ['one Host twice', 400, get(`Host: ${host}`, `Host: ${host}`)],
  ['an empty Host', 400, get('Host:')],
  ['a Host with a user', 400, get(`Host: evil@${host}`)],
  ['a list of Hosts', 400, get(`Host: ${host}, evil.test`)],
  ['a Host with a path', 400, get(`Host: ${name}/../x`)],
  ['a Host in latin-1', 400, get(`Host: \xe9.${name}`)],
  ['a Host with a port that is none', 400, get(`Host: ${name}:http`)],
  ['a tab in the target', 400, at('/bad\tx')],
  ['raw UTF-8 in the target', 400, at('/b\xc3\xa1d/bad')],
  ['a fragment in the target', 400, at('/bad#fragment')],
  ['a target that is no path', 400, at('bad')],
  ['* with another method than OPTIONS', 400, at('*')],
  ['a target of 17 kB', 414, at(`/${'x'.repeat(17_000)}/bad`)],
  ['a field of 40 kB', 431, get(`Host: ${host}`, `X-Large: ${'x'.repeat(40_000)}`)],
  ['2,500 tiny fields', 431, get(`Host: ${host}`, ...many(2_500))],
  ['an upgrade with 2,000 fields', 431, head('GET /bad HTTP/1.1', [...upgrade, ...many(2_000)])],
  [
    'an upgrade with a body that holds a request',
    400,
    `${head('POST /bad HTTP/1.1', [...upgrade, 'Content-Length: 40'])}GET /bad HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  ],
];

for (const [i, [what, expected, bytes]] of refusals.entries()) {
  test(`refused with ${expected}: ${what}`, async (t) => {
    const visitor = await RawVisitor.connect(t, port);
    visitor.send(bytes.replaceAll('/bad', `/bad/${i}`));
    assert.equal((await visitor.response()).status, expected);
    assert.ok(!served.some((url) => url.endsWith(`/bad/${i}`)));
  });
}

test('an upgrade that names another host leads there and nowhere else', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(head('GET http://evil.test/bad HTTP/1.1', upgrade));
  assert.ok([400, 404].includes((await visitor.response()).status));
});

test('OPTIONS * is answered by the hub', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(head('OPTIONS * HTTP/1.1', [`Host: ${host}`]));
  const { status, field } = await visitor.response();
  assert.equal(status, 204);
  assert.match(field('allow') ?? '', /GET/);
  assert.ok(!origin.journal.some((line) => line.startsWith('OPTIONS')));
});

test('a backslash in the target does not name another host', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(at('/\\evil.test/x'));
  const { status, body } = await visitor.response();
  assert.equal(status, 200);
  assert.equal(echoed({ text: body }).headers['host'], `localhost:${origin.port}`);
});

test('a target of 16 kB passes', async () => {
  const path = `/${'x'.repeat(16_000)}`;
  assert.equal(echoed(await visit({ port, host, path })).url, path);
});

test('900 fields pass, and none is lost', async () => {
  const fields = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`X-N${i}`, `${i}`]));
  const { headers } = echoed(await visit({ port, host, headers: fields }));
  for (const [field, value] of Object.entries(fields)) assert.equal(headers[field.toLowerCase()], value);
});

test('after all of it the hub serves', async () => {
  assert.equal((await visit({ port, host })).status, 200);
});
