import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import { type Place, startPlaces } from '../support/places.ts';
import type { Cleanup } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';

const origin = await startOrigin({ after }, (_request, response) => response.end('tunnel'));
const places = await startPlaces({ after }, origin.port);

for (const [transport, { port, host, tls }] of Object.entries<Place>(places)) {
  describe(`over ${transport}`, () => {
    const open = (t: Cleanup): Promise<RawVisitor> => RawVisitor.connect(t, port, tls);
    const head = (line: string, ...fields: string[]): string => [line, ...fields, '', ''].join('\r\n');
    const own = (line: string, ...fields: string[]): string => head(`${line} HTTP/1.1`, 'Host: localhost', ...fields);
    const tunnel = (path: string): string => head(`GET ${path} HTTP/1.1`, `Host: ${host}`);
    const smuggled = tunnel('/smuggled');

    const handedOver: [what: string, status: number, bytes: string][] = [
      ['alone', 200, own('GET /healthz')],
      ['with a body that is a request', 404, own('POST /x', `Content-Length: ${smuggled.length}`) + smuggled],
      ['with chunks', 404, `${own('POST /x', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`],
      ['with an upgrade that is ignored', 200, own('GET /healthz', 'Connection: Upgrade', 'Upgrade: x')],
      ['with keep-alive', 200, own('GET /healthz', 'Connection: keep-alive')],
      ['of HTTP/1.0 with keep-alive', 200, head('GET /healthz HTTP/1.0', 'Host: localhost', 'Connection: keep-alive')],
      // As load balancers check by default.
      ['of HTTP/1.0 without a host', 200, head('GET /readyz HTTP/1.0')],
      ['of HTTP/1.0 without a host that checks nothing', 404, head('GET / HTTP/1.0')],
      ['in absolute form', 200, head('GET http://localhost/healthz HTTP/1.1', `Host: ${host}`)],
      ['with fields that Connection names', 200, own('GET /healthz', 'Connection: Host, Content-Length')],
    ];
    for (const [what, expected, bytes] of handedOver) {
      test(`a request for the hub itself ${what} is the last on its connection`, async (t) => {
        const visitor = await open(t);
        visitor.send(tunnel('/before') + bytes + smuggled);
        assert.equal((await visitor.response()).body, 'tunnel');
        const { status, field } = await visitor.response();
        assert.deepEqual([status, field('connection')], [expected, 'close']);
        await visitor.closed;
        assert.equal(visitor.unread, '');
        assert.ok(!origin.journal.includes('GET /smuggled'));
      });
    }

    test('a request for the hub itself that is not framed in one way never gets there', async (t) => {
      const framings = [
        ['Content-Length: 4', 'Transfer-Encoding: chunked'],
        ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
        ['Transfer-Encoding: chunked\xa0'],
        ['Transfer-Encoding:'],
        ['Content-Length: 4', 'Content-Length: 4'],
        ['Content-Length: 4,'],
      ];
      for (const fields of framings) {
        const visitor = await open(t);
        visitor.send(`${own('POST /x', ...fields)}0\r\n\r\n${smuggled}`);
        const { status, field } = await visitor.response();
        assert.deepEqual([status, field('connection')], [400, 'close'], fields.join());
        await visitor.closed;
        assert.equal(visitor.unread, '');
      }
    });

    test('a method that the hub itself does not know is refused, and the connection stays usable', async (t) => {
      const visitor = await open(t);
      visitor.send(own('MADEUP /healthz') + tunnel('/behind'));
      assert.equal((await visitor.response()).status, 405);
      assert.equal((await visitor.response()).body, 'tunnel');
    });

    test('a proxy in front that mixes hosts on one connection is served each in turn', async (t) => {
      const visitor = await open(t);
      const unknown = head('GET / HTTP/1.1', 'Host: elsewhere.test');
      const offline = head('GET / HTTP/1.1', `Host: ${host.replace(/^[a-z2-7]{51}/, 'a'.repeat(51))}`);
      visitor.send(tunnel('/1') + unknown + tunnel('/2') + offline + tunnel('/3'));
      const statuses: number[] = [];
      for (let i = 0; i < 5; i += 1) statuses.push((await visitor.response()).status);
      assert.deepEqual([statuses[0], statuses[1], statuses[2], statuses[4]], [200, 404, 200, 200]);
      assert.ok([404, 502].includes(statuses[3] as number));
    });

    test('exactly one 100 is sent, and none for a body that is there already', async (t) => {
      const visitor = await open(t);
      visitor.send(head('POST /e HTTP/1.1', `Host: ${host}`, 'Expect: 100-continue', 'Content-Length: 3'));
      assert.equal((await visitor.response()).status, 100);
      visitor.send(`abc${tunnel('/next')}`);
      assert.equal((await visitor.response()).body, 'tunnel');
      assert.equal((await visitor.response()).body, 'tunnel');
    });
  });
}
