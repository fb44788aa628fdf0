import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import { echo, echoed } from '../support/origin.ts';
import type { Cleanup } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { type Refusal, RefusalPlaces } from '../support/refusals.ts';

const refused = await RefusalPlaces.start({ after }, (request, response, body) => {
  // Only what has a length can keep a connection of HTTP/1.0.
  if (request.url === '/old') response.end('old');
  else echo(request, response, body);
});

const head = (line: string, ...fields: string[]): string => [line, ...fields, '', ''].join('\r\n');
const chunked = 'Transfer-Encoding: chunked';

/** What is refused at `host`, and with which status. */
function refusals(host: string): Refusal[] {
  const named = `Host: ${host}`;
  const post = (...fields: string[]): string => head('POST /bad HTTP/1.1', named, ...fields);
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
  const smuggled = `GET /bad HTTP/1.1\r\n${named}\r\n\r\n`;
  return [
    ['a coding below chunked', 501, `${post('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`],
    ['chunks on HTTP/1.0', 400, `${head('POST /bad HTTP/1.0', named, chunked)}0\r\n\r\n`],
    ['a trailer that is a length', 400, `${post(chunked)}0\r\nContent-Length: 9\r\n\r\n`],
    ['a trailer that is a host', 400, `${post(chunked)}0\r\nHost: a.test\r\n\r\n`],
    ['a trailer that is a coding', 400, `${post(chunked)}0\r\n${chunked}\r\n\r\n`],
    ['two spaces before the target', 400, head('GET  /bad HTTP/1.1', named)],
    ['two spaces behind the target', 400, head('GET /bad  HTTP/1.1', named)],
    ['no version', 400, head('GET /bad', named)],
    ['HTTP/1.2', 505, head('GET /bad HTTP/1.2', named)],
    ['HTTP/2.0', 505, head('GET /bad HTTP/2.0', named)],
    ['a version in small letters', 400, head('GET /bad http/1.1', named)],
    ['the preface of HTTP/2', 505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a method that is no token', 400, head('G(T /bad HTTP/1.1', named)],
    ['an upgrade with a body', 400, `${post(...upgrade, key, 'Content-Length: 40')}${smuggled}`],
    ['an upgrade with chunks', 400, `${post(...upgrade, key, chunked)}${smuggled}`],
    ['two Hosts', 400, head('GET /bad HTTP/1.1', named, named)],
    ['no Host beside a target that has one', 400, head(`GET http://${host}/bad HTTP/1.1`)],
    ['an empty Host', 400, head('GET /bad HTTP/1.1', 'Host:')],
    ['a Host with a user', 400, head('GET /bad HTTP/1.1', `Host: a@${host}`)],
    ['a list of Hosts', 400, head('GET /bad HTTP/1.1', `${named}, b`)],
    ['a Host with a path', 400, head('GET /bad HTTP/1.1', `${named}/../x`)],
    ['a Host in latin-1', 400, head('GET /bad HTTP/1.1', `Host: \xe9.${host}`)],
    ['a tab in the target', 400, head('GET /b\tad HTTP/1.1', named)],
    ['a NUL in the target', 400, head('GET /b\0ad HTTP/1.1', named)],
    ['raw UTF-8 in the target', 400, head('GET /b\xc3\xa1d HTTP/1.1', named)],
    ['a fragment in the target', 400, head('GET /bad#x HTTP/1.1', named)],
    ['CONNECT', 405, head('CONNECT 10.0.0.1:22 HTTP/1.1', 'Host: 10.0.0.1:22')],
    ['TRACE', 405, head('TRACE /bad HTTP/1.1', named)],
    ['a target of 17 kB', 414, head(`GET /bad${'x'.repeat(17_000)} HTTP/1.1`, named)],
    ['a target of 100 kB', 414, head(`GET /bad${'x'.repeat(100_000)} HTTP/1.1`, named)],
    ['a field of 17 kB', 431, head('GET /bad HTTP/1.1', named, `X: ${'x'.repeat(17_000)}`)],
    ['a head of 33 kB', 431, head('GET /bad HTTP/1.1', named, ...new Array(40).fill(`X: ${'x'.repeat(900)}`))],
    ['2,500 fields', 431, head('GET /bad HTTP/1.1', named, ...new Array(2_500).fill('x: y'))],
    ['another expectation', 417, post('Expect: banana', 'Content-Length: 0')],
    ['bytes of another protocol', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['the greeting of another protocol', 400, 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['nothing but empty lines', 400, '\r\n'.repeat(20)],
  ];
}

for (const [transport, { port, host, tls }] of Object.entries(refused.places)) {
  describe(`over ${transport}`, () => {
    const open = (t: Cleanup): Promise<RawVisitor> => RawVisitor.connect(t, port, tls);
    const get = (path: string, ...fields: string[]): string => head(`GET ${path} HTTP/1.1`, `Host: ${host}`, ...fields);
    const seen = async (visitor: RawVisitor) => echoed({ text: (await visitor.response()).body });

    refused.test(transport, refusals(host));

    test('a few empty lines before a request do no harm', async (t) => {
      const visitor = await open(t);
      visitor.send(`\r\n${get('/1')}\r\n\r\n${get('/2')}`);
      assert.equal((await seen(visitor)).url, '/1');
      assert.equal((await seen(visitor)).url, '/2');
    });

    test('a head that comes byte by byte is the same head', async (t) => {
      const visitor = await open(t);
      for (const byte of get('/bytes', 'X-A: b')) visitor.send(byte);
      const { url, headers } = await seen(visitor);
      assert.deepEqual([url, headers['x-a']], ['/bytes', 'b']);
    });

    test('a GET with a body forwards exactly that body, and what is behind it is intact', async (t) => {
      const visitor = await open(t);
      visitor.send(`${get('/with', 'Content-Length: 2')}ab${get('/behind')}`);
      const { url, bodyLength } = await seen(visitor);
      assert.deepEqual([url, bodyLength], ['/with', 2]);
      assert.equal((await seen(visitor)).url, '/behind');
    });

    test('an upgrade to another HTTP is ignored', async (t) => {
      for (const protocol of ['h2c', 'HTTP/2.0', 'h2c, HTTP/3']) {
        const visitor = await open(t);
        visitor.send(
          get('/h2c', 'Connection: Upgrade, HTTP2-Settings', `Upgrade: ${protocol}`, 'HTTP2-Settings: AAMA'),
        );
        const { url, headers } = await seen(visitor);
        assert.deepEqual([url, headers['upgrade'], headers['http2-settings']], ['/h2c', undefined, undefined]);
      }
    });

    test('a tunnel is found in any letter case, with a dot at the end and with any port', async (t) => {
      const visitor = await open(t);
      for (const name of [host.toUpperCase(), `${host}.`, `${host}:80`]) {
        visitor.send(head('GET /name HTTP/1.1', `Host: ${name}`));
        assert.equal((await seen(visitor)).url, '/name');
      }
    });

    test('the host of an absolute target counts before the Host field', async (t) => {
      const visitor = await open(t);
      visitor.send(head(`GET http://${host}/absolute HTTP/1.1`, 'Host: elsewhere.test'));
      assert.equal((await seen(visitor)).url, '/absolute');
      visitor.send(head('GET http://elsewhere.test/absolute HTTP/1.1', `Host: ${host}`));
      assert.equal((await visitor.response()).status, 404);
    });

    test('HTTP/1.0 keeps a connection only when it asks to', async (t) => {
      const visitor = await open(t);
      const old = (...fields: string[]): string => head('GET /old HTTP/1.0', `Host: ${host}`, ...fields);
      visitor.send(old('Connection: keep-alive'));
      const kept = await visitor.response();
      assert.deepEqual([kept.status, kept.field('connection')], [200, 'keep-alive']);
      visitor.send(old());
      const last = await visitor.response();
      assert.deepEqual([last.status, last.field('connection')], [200, 'close']);
      await visitor.closed;
    });

    test("the hub's own side answers behind a request for a tunnel, and is the last on its connection", async (t) => {
      const visitor = await open(t);
      visitor.send(get('/first') + head('GET /healthz HTTP/1.1', 'Host: localhost') + get('/never'));
      assert.equal((await seen(visitor)).url, '/first');
      const own = await visitor.response();
      assert.deepEqual([own.status, own.field('connection')], [200, 'close']);
      await visitor.closed;
      assert.ok(!refused.served.includes('/never'));
    });

    test('a body that breaks off in the middle of a chunk is never a whole one', async (t) => {
      const visitor = await open(t);
      visitor.send(`${head('POST /cut HTTP/1.1', `Host: ${host}`, chunked)}5\r\nhello\r\nzz\r\n`);
      assert.equal((await visitor.response()).status, 400);
      await visitor.closed;
      assert.ok(!refused.served.includes('/cut'));
    });

    test('a visitor that leaves before its answer is closed, and the hub goes on', async (t) => {
      const visitor = await open(t);
      visitor.send(head('POST /left HTTP/1.1', `Host: ${host}`, 'Content-Length: 10'));
      visitor.socket.end();
      await once(visitor.socket, 'close');
      assert.ok(!refused.served.includes('/left'));
    });
  });
}
