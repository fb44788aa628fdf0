import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { echoed } from '../support/origin.ts';
import type { Cleanup } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { type Refusal, RefusalPlaces } from '../support/refusals.ts';

const refused = await RefusalPlaces.start({ after });

/** A request for the tunnel, as lines. */
function request(host: string, line: string, fields: string[], body = ''): string {
  return [line, `Host: ${host}`, ...fields, '', body].join('\r\n');
}
const chunked = 'Transfer-Encoding: chunked';

/** What is refused, and with which status. Framing that two readers could read differently smuggles requests. */
function refusals(host: string): Refusal[] {
  const post = (fields: string[], body: string): string => request(host, 'POST /bad HTTP/1.1', fields, body);
  return [
    ['Content-Length beside Transfer-Encoding', 400, post(['Content-Length: 4', chunked], '0\r\n\r\n')],
    ['Transfer-Encoding beside Content-Length', 400, post([chunked, 'Content-Length: 4'], '0\r\n\r\n')],
    ['a transfer coding that is not known', 400, post(['Transfer-Encoding: xchunked'], '0\r\n\r\n')],
    ['chunked that is not the last coding', 400, post(['Transfer-Encoding: chunked, identity'], '0\r\n\r\n')],
    ['chunked twice on two lines', 400, post([chunked, chunked], '0\r\n\r\n')],
    ['chunked twice on one line', 400, post(['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n')],
    ['two lengths', 400, post(['Content-Length: 4', 'Content-Length: 5'], 'four')],
    ['one length twice', 400, post(['Content-Length: 4', 'Content-Length: 4'], 'four')],
    ['a list of lengths', 400, post(['Content-Length: 4, 4'], 'four')],
    ['a length with a sign', 400, post(['Content-Length: +4'], 'four')],
    ['a length in hexadecimal', 400, post(['Content-Length: 0x4'], 'four')],
    ['a negative length', 400, post(['Content-Length: -1'], '')],
    ['a length of 23 digits', 400, post([`Content-Length: ${'1'.repeat(23)}`], '')],
    ['a space before the colon', 400, post(['Content-Length : 4'], 'four')],
    ['a first field line that begins with a space', 400, `GET /bad HTTP/1.1\r\n Host: ${host}\r\n\r\n`],
    ['a folded field line', 400, post(['X-Folded: a\r\n b', 'Content-Length: 0'], '')],
    ['lines that end in LF alone', 400, `GET /bad HTTP/1.1\nHost: ${host}\n\n`],
    ['one line that ends in LF alone', 400, `GET /bad HTTP/1.1\r\nHost: ${host}\nX: y\r\n\r\n`],
    ['a bare CR in a value', 400, post(['X-Bad: a\rb', 'Content-Length: 0'], '')],
    ['a NUL in a value', 400, post(['X-Bad: a\0b', 'Content-Length: 0'], '')],
    ['a control character in a value', 400, post(['X-Bad: a\x01b', 'Content-Length: 0'], '')],
    ['a field line without a colon', 400, post(['Bad', 'Content-Length: 0'], '')],
    ['a trailer that is a length', 400, post([chunked], '4\r\nfour\r\n0\r\nContent-Length: 9\r\n\r\n')],
    ['a trailer that is a framing', 400, post([chunked], `4\r\nfour\r\n0\r\n${chunked}\r\n\r\n`)],
    ['a chunk size in hexadecimal notation', 400, post([chunked], '0x2\r\nab\r\n0\r\n\r\n')],
    ['a chunk size beyond all numbers', 400, post([chunked], `${'f'.repeat(17)}\r\nab\r\n0\r\n\r\n`)],
    ['a chunk that ends in LF alone', 400, post([chunked], '2\nab\n0\n\n')],
    ['a line end inside a chunk extension', 400, post([chunked], '2;\nxx\r\nab\r\n0\r\n\r\n')],
    ['a chunk extension of 20 kB', 413, post([chunked], `2;${'x'.repeat(20_000)}\r\nab\r\n0\r\n\r\n`)],
    ['a version in small letters', 400, `GET /bad http/1.1\r\nHost: ${host}\r\n\r\n`],
  ];
}

for (const [transport, { port, host, tls }] of Object.entries(refused.places)) {
  describe(`over ${transport}`, () => {
    const open = (t: Cleanup): Promise<RawVisitor> => RawVisitor.connect(t, port, tls);
    const get = (line: string, fields: string[], body = ''): string => request(host, line, fields, body);
    refused.test(transport, refusals(host));

    test('after all of it the hub serves', async (t) => {
      const visitor = await open(t);
      visitor.send(get('GET /after HTTP/1.1', []));
      assert.equal((await visitor.response()).status, 200);
    });

    test('a GET with a body forwards exactly that body, and the request behind it is intact', async (t) => {
      const visitor = await open(t);
      visitor.send(get('GET /with-body HTTP/1.1', ['Content-Length: 2'], 'ab') + get('GET /behind HTTP/1.1', []));
      assert.equal(echoed({ text: (await visitor.response()).body }).bodyLength, 2);
      assert.equal(echoed({ text: (await visitor.response()).body }).url, '/behind');
    });

    test('pipelined requests are answered in order', async (t) => {
      const visitor = await open(t);
      visitor.send(['/1', '/2', '/3'].map((path) => get(`GET ${path} HTTP/1.1`, [])).join(''));
      for (const path of ['/1', '/2', '/3']) assert.equal(echoed({ text: (await visitor.response()).body }).url, path);
    });
  });
}
