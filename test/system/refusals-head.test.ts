import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { echoed } from '../support/origin.ts';
import type { Cleanup } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { type Refusal, RefusalPlaces } from '../support/refusals.ts';

const refused = await RefusalPlaces.start({ after });

const head = (line: string, fields: string[]): string => [line, ...fields, '', ''].join('\r\n');
const named = (...fields: string[]): string => head('GET /bad HTTP/1.1', fields);
const handshake = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];
const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `X-${i}: y`);

function refusals(name: string): Refusal[] {
  const host = `${name}:80`;
  const upgrade = [`Host: ${host}`, ...handshake];
  const at = (target: string): string => head(`GET ${target} HTTP/1.1`, [`Host: ${host}`]);
  return [
    ['no Host', 400, named()],
    ['two Hosts', 400, named(`Host: ${host}`, 'Host: evil.test')],
    ['one Host twice', 400, named(`Host: ${host}`, `Host: ${host}`)],
    ['an empty Host', 400, named('Host:')],
    ['a Host with a user', 400, named(`Host: evil@${host}`)],
    ['a list of Hosts', 400, named(`Host: ${host}, evil.test`)],
    ['a Host with a path', 400, named(`Host: ${name}/../x`)],
    ['a Host in latin-1', 400, named(`Host: \xe9.${name}`)],
    ['a Host with a port that is none', 400, named(`Host: ${name}:http`)],
    ['a tab in the target', 400, at('/bad\tx')],
    ['raw UTF-8 in the target', 400, at('/b\xc3\xa1d/bad')],
    ['a fragment in the target', 400, at('/bad#fragment')],
    ['a target that is no path', 400, at('bad')],
    ['* with another method than OPTIONS', 400, at('*')],
    ['a target of 17 kB', 414, at(`/${'x'.repeat(17_000)}/bad`)],
    ['a field of 40 kB', 431, named(`Host: ${host}`, `X-Large: ${'x'.repeat(40_000)}`)],
    ['2,500 tiny fields', 431, named(`Host: ${host}`, ...many(2_500))],
    ['an upgrade with 2,000 fields', 431, head('GET /bad HTTP/1.1', [...upgrade, ...many(2_000)])],
    [
      'an upgrade with a body that holds a request',
      400,
      `${head('POST /bad HTTP/1.1', [...upgrade, 'Content-Length: 40'])}GET /bad HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    ],
  ];
}

for (const [transport, { port, host, tls }] of Object.entries(refused.places)) {
  describe(`over ${transport}`, () => {
    const open = (t: Cleanup): Promise<RawVisitor> => RawVisitor.connect(t, port, tls);
    const get = (target: string, ...fields: string[]): string =>
      head(`GET ${target} HTTP/1.1`, [`Host: ${host}`, ...fields]);
    refused.test(transport, refusals(host));

    test('an upgrade that names another host leads there and nowhere else', async (t) => {
      const visitor = await open(t);
      visitor.send(head('GET http://evil.test/bad HTTP/1.1', [`Host: ${host}`, ...handshake]));
      assert.ok([400, 404].includes((await visitor.response()).status));
    });

    test('OPTIONS * is answered by the hub', async (t) => {
      const visitor = await open(t);
      visitor.send(head('OPTIONS * HTTP/1.1', [`Host: ${host}`]));
      const { status, field } = await visitor.response();
      assert.equal(status, 204);
      assert.match(field('allow') ?? '', /GET/);
      assert.ok(!refused.origin.journal.some((line) => line.startsWith('OPTIONS')));
    });

    test('a backslash in the target does not name another host', async (t) => {
      const visitor = await open(t);
      visitor.send(get('/\\evil.test/x'));
      const { status, body } = await visitor.response();
      assert.equal(status, 200);
      assert.equal(echoed({ text: body }).headers['host'], `localhost:${refused.origin.port}`);
    });

    test('a target of 16 kB passes', async (t) => {
      const visitor = await open(t);
      const path = `/${'x'.repeat(16_000)}`;
      visitor.send(get(path));
      assert.equal(echoed({ text: (await visitor.response()).body }).url, path);
    });

    test('1,000 fields pass, and none is lost', async (t) => {
      const visitor = await open(t);
      visitor.send(get('/many', ...Array.from({ length: 999 }, (_, i) => `X-N${i}: ${i}`)));
      const { headers } = echoed({ text: (await visitor.response()).body });
      for (let i = 0; i < 999; i += 1) assert.equal(headers[`x-n${i}`], String(i));
    });

    test('after all of it the hub serves', async (t) => {
      const visitor = await open(t);
      visitor.send(get('/after'));
      assert.equal((await visitor.response()).status, 200);
    });
  });
}
