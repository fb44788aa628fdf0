import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import type { Cleanup } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { visit } from '../support/visit.ts';
import { startWires } from '../support/wires.ts';

const limit = 512_000;
/** What the service got whole. */
const served: string[] = [];
const origin = await startOrigin({ after }, (request, response, body) => {
  served.push(request.url ?? '');
  response.end(`${body.length} ${request.headers['origin'] ?? ''}`);
});
const { port, hosts, hub } = await startWires({ after }, origin.port);

for (const [wire, host] of Object.entries(hosts)) {
  describe(`over wire ${wire}`, () => {
    const open = (t: Cleanup): Promise<RawVisitor> => RawVisitor.connect(t, port);
    const head = (line: string, ...fields: string[]): string =>
      [`${line} HTTP/1.1`, `Host: ${host}`, ...fields, '', ''].join('\r\n');

    test('a body of exactly the limit passes, by its length and in chunks', async () => {
      for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
        const sent = { port, host, method: 'POST', path: '/exact', body: randomBytes(limit), headers };
        const { status, text } = await visit(sent);
        assert.deepEqual([status, text], [200, `${limit} `]);
      }
    });

    test('one byte more is a 413 before it was read, and never reaches the service', async (t) => {
      const visitor = await open(t);
      visitor.send(head('POST /declared', `Content-Length: ${limit + 1}`));
      const { status, field } = await visitor.response();
      assert.deepEqual([status, field('connection')], [413, 'close']);
      assert.ok(!origin.journal.includes('POST /declared'));
    });

    test('one byte more in chunks is a 413 there, and the service never gets it whole', async (t) => {
      const visitor = await open(t);
      const chunks = `${(limit + 1).toString(16)}\r\n${'x'.repeat(limit + 1)}\r\n`;
      visitor.send(`${head('POST /chunks', 'Transfer-Encoding: chunked')}${chunks}0\r\n\r\n${head('GET /behind')}`);
      assert.equal((await visitor.response()).status, 413);
      await visitor.closed;
      assert.equal(visitor.unread, '');
      assert.ok(!served.includes('/chunks') && !served.includes('/behind'));
    });

    const key = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket'];
    for (const [what, expected, fields] of [
      ['of version 12', 426, ['Sec-WebSocket-Version: 12', key]],
      ['without a version', 426, [key]],
      ['with a bad key', 400, ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: short']],
      ['with two keys', 400, ['Sec-WebSocket-Version: 13', key, key]],
      ['without a key', 400, ['Sec-WebSocket-Version: 13']],
    ] as const) {
      test(`a websocket ${what} is refused with ${expected} and never reaches the service`, async (t) => {
        const visitor = await open(t);
        visitor.send(head('GET /websocket', ...upgrade, ...fields));
        assert.equal((await visitor.response()).status, expected);
        await visitor.closed;
        assert.ok(!origin.journal.includes('GET /websocket'));
      });
    }

    test('the page that asks is named to the service unchanged', async () => {
      const { text } = await visit({ port, host, headers: { Origin: 'https://evil.test' } });
      assert.equal(text, '0 https://evil.test');
    });
  });
}

test('10,000 random hosts leave the memory flat', { skip: process.platform !== 'linux' }, async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  const ask = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 500) {
      const hosts = Array.from({ length: 500 }, () => `${randomBytes(8).toString('hex')}.localhost`);
      visitor.send(hosts.map((name) => `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`).join(''));
      for (let i = 0; i < 500; i += 1) assert.equal((await visitor.response()).status, 404);
    }
  };
  const residentBytes = (): number =>
    Number(readFileSync(`/proc/${hub.program.process.pid}/statm`, 'utf8').split(' ')[1]) * 4_096;
  await ask(5_000); // What is compiled and cached for the first ones is not theirs.
  const before = residentBytes();
  await ask(10_000);
  assert.ok(residentBytes() - before < 48 * 1_048_576, `${before} bytes grew to ${residentBytes()}`);
});
