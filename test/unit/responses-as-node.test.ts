import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aditReadsResponses } from '../support/adit-readings.ts';
import { asked, compare, type Exception, hasBlanksInSizeLine, ofOlderParsers } from '../support/differential.ts';
import { nodeReadsResponses } from '../support/node-readings.ts';

/** Where we read what Node refuses, or read it in another way, and mean to. */
const always: Exception[] = [
  ...ofOlderParsers,
  {
    what: 'Proxy-Connection: close',
    because: 'it is no field of the standard, and says nothing about this connection (RFC 9112 C.2.2)',
    covers: ({ what, other, bytes }) =>
      (what === 'whether the connection is kept' || !other) && /\nproxy-connection:[^\r]*close/i.test(bytes),
  },
  {
    what: 'what follows an interim response with Connection: close',
    because: 'the connection ends behind the final response, which is still to come (RFC 9112 §9.6, RFC 9110 §15.2)',
    covers: ({ index, other, bytes }) => index > 0 && !other && /\nconnection:[^\r]*close/i.test(bytes),
  },
];
const withBody: Exception[] = [
  {
    what: 'blanks beside the extension of a chunk, or behind its size',
    because: 'bad white space is to be read and left out (RFC 9112 §7.1.1), and old servers fill sizes up with it',
    covers: ({ what, bytes }) => what === 'an end that only we find' && hasBlanksInSizeLine(bytes),
  },
  {
    what: 'a framing field that is a trailer',
    because: 'it is read too late to frame anything, and never goes on (RFC 9110 §6.5.1)',
    covers: ({ what, ours }) => what === 'an end that only we find' && ours.trailers.some(isFraming),
  },
];
const withoutBody: Exception[] = [
  {
    what: 'an answer to HEAD that names no length',
    because: 'it ends with its head whatever that says (RFC 9112 §6.3), so the connection can be kept',
    covers: ({ what, ours }) => what === 'whether the connection is kept' && !ours.fields.some(isFraming),
  },
];

function isFraming(text: string): boolean {
  return /^(content-length|transfer-encoding)$/i.test(text);
}

for (const [method, count] of [
  ['GET', 20_000],
  ['HEAD', 10_000],
] as const) {
  test(`whatever Node refuses in responses to ${method} we refuse, and what both accept means the same`, async (t) => {
    const { seed, caseCount } = asked(count);
    const compared = await compare({
      seed,
      caseCount,
      make: (grammar) => grammar.response(),
      ours: (pieces) => aditReadsResponses(method, pieces),
      other: (connections) => nodeReadsResponses(method, connections),
      mayClose: true,
      exceptions: [...always, ...(method === 'HEAD' ? withoutBody : withBody)],
    });
    t.diagnostic(`both accept ${compared.acceptedCount}, both refuse ${compared.refusedCount}`);
    assert.equal(compared.failure, undefined);
    assert.deepEqual(compared.unused, []);
    assert.ok(compared.acceptedCount > caseCount / 8);
  });
}
