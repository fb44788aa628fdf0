import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { listening } from '../support/listening.ts';
import type { Cleanup } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { startWires } from '../support/wires.ts';

/** What the service answers by the last word of the path; every other request gets its own head back. */
const answers: Record<string, string> = {
  cookies: 'HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Domain=localhost\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok',
  redirect: 'HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n',
  long: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n123456789',
  both: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  status99: 'HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n',
  status1000: 'HTTP/1.1 1000 High\r\nContent-Length: 0\r\n\r\n',
  status2e2: 'HTTP/1.1 2e2 OK\r\nContent-Length: 0\r\n\r\n',
  unasked101: 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  flood: 'HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n'.repeat(1_000),
  injected: 'HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b=1\r\nContent-Length: 0\r\n\r\n',
  folded: 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n',
  oversized: `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(60_000)}\r\nContent-Length: 0\r\n\r\n`,
  coded: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  listed: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n',
  'body-204': 'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody',
  'body-304': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nbody',
};
const journal: string[] = [];
const server = createServer((socket) => serve(socket));
const port = await listening({ after }, server);

/** Reads heads, and answers each. */
function serve(socket: Socket): void {
  let received = '';
  socket.on('error', () => undefined);
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
    for (let end = received.indexOf('\r\n\r\n'); end !== -1; end = received.indexOf('\r\n\r\n')) {
      const head = received.slice(0, end);
      received = received.slice(end + 4);
      const path = head.split(' ')[1] as string;
      journal.push(path);
      const own = `HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head.startsWith('HEAD') ? 'x' : head}`;
      socket.write(answers[path.split('/').at(-1) as string] ?? own, 'latin1');
    }
  });
}

const { port: hubPort, hosts } = await startWires({ after }, port);
/** The service breaks the rules in its head, so nothing of its answer can be passed on. */
const bad = ['both', 'status99', 'status1000', 'status2e2', 'unasked101', 'flood', 'injected', 'folded', 'oversized'];

for (const [wire, host] of Object.entries(hosts)) {
  describe(`over wire ${wire}`, () => {
    const open = (t: Cleanup): Promise<RawVisitor> => RawVisitor.connect(t, hubPort);
    const request = (line: string, ...fields: string[]): string =>
      [`${line} HTTP/1.1`, `Host: ${host}`, ...fields, '', ''].join('\r\n');
    const seen = async (visitor: RawVisitor, ...fields: string[]): Promise<string> => {
      visitor.send(request('GET /echo', ...fields));
      return (await visitor.response()).body.toLowerCase();
    };

    for (const what of [...bad, 'coded', 'listed']) {
      test(`an answer of the service is a 502 and its visitor stays usable: ${what}`, async (t) => {
        const visitor = await open(t);
        visitor.send(request(`GET /${what}`));
        let answer = await visitor.response();
        while (answer.status === 103) answer = await visitor.response();
        assert.deepEqual([answer.status, answer.field('adit-error')], [502, 'ADIT_ORIGIN_FAILED']);
        assert.equal(answer.field('set-cookie'), undefined);
        assert.match(await seen(visitor), /^get \/echo /);
      });
    }

    test('a body beyond its length is cut off there, and the next answer is intact', async (t) => {
      const visitor = await open(t);
      visitor.send(request('GET /long'));
      assert.equal((await visitor.response()).body, '12345');
      assert.match(await seen(visitor), /^get \/echo /);
    });

    test('a body on HEAD, 204 and 304 is dropped, and the connection stays in step', async (t) => {
      const visitor = await open(t);
      for (const [line, status] of [
        ['GET /body-204', 204],
        ['GET /body-304', 304],
        ['HEAD /head', 200],
      ] as const) {
        visitor.send(request(line));
        assert.equal((await visitor.response({ isHead: true })).status, status);
        assert.match(await seen(visitor), /^get \/echo /);
      }
    });

    test('two cookies arrive apart, and none of them for all tunnels', async (t) => {
      const visitor = await open(t);
      visitor.send(request('GET /cookies'));
      const { head } = await visitor.response();
      const cookies = head.match(/^set-cookie: .*$/gim)?.map((line) => line.slice(12).trim());
      // Wire v1 has one text for each name: the first cookie is the one that travels with hubs of the original.
      assert.equal(cookies?.[0], 'a=1');
      if (wire === 'v2') assert.deepEqual(cookies, ['a=1', 'b=2']);
    });

    test('a redirect to a metadata address is passed on, and nobody follows it', async (t) => {
      const visitor = await open(t);
      const before = journal.length;
      visitor.send(request('GET /redirect'));
      const { status, field } = await visitor.response();
      assert.deepEqual([status, field('location')], [302, 'http://169.254.169.254/latest']);
      assert.equal(journal.length, before + 1);
    });

    test('what a visitor claims of itself is overwritten, and look-alikes are dropped', async (t) => {
      const forged = ['X-Forwarded-For', 'X_Forwarded_For', 'X-Forwarded_Host', 'X-Real-IP', 'Forwarded'];
      const head = await seen(await open(t), ...forged.map((name) => `${name}: 6.6.6.6`), 'X_Own: kept');
      assert.ok(!head.includes('6.6.6.6'));
      assert.match(head, /\r\nx-forwarded-for: 127\.0\.0\.1\r\n/);
      assert.match(head, /\r\nx_own: kept(\r\n|$)/);
    });

    test('fields that Connection names, and those of one connection, stay behind', async (t) => {
      const visitor = await open(t);
      const hop = ['Keep-Alive: timeout=5', 'TE: gzip', 'Trailer: X-T', 'Proxy-Authorization: Basic eA=='];
      const head = await seen(visitor, 'Connection: X-Forwarded-For, X-Secret', 'X-Secret: hop', ...hop);
      assert.doesNotMatch(head, /\r\n(x-secret|keep-alive|te|trailer|proxy-authorization):/);
      assert.match(head, /\r\nx-forwarded-for: 127\.0\.0\.1\r\n/);
    });

    test('a target that names another host is asked of no other service', async (t) => {
      const visitor = await open(t);
      const before = journal.length;
      visitor.send(request('GET http://evil.test/x', 'Connection: Upgrade', 'Upgrade: websocket'));
      assert.ok((await visitor.response()).status >= 400);
      assert.equal(journal.length, before);
    });
  });
}
