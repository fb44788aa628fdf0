import assert from 'node:assert/strict';
import { METHODS } from 'node:http';
import { test } from 'node:test';
import { aditReadsRequests } from '../support/adit-readings.ts';
import { asked, compare, type Exception, hasBlanksInSizeLine, ofOlderParsers } from '../support/differential.ts';
import { NodeRequestReader } from '../support/node-readings.ts';

/** Where we read what Node refuses, or read it in another way, and mean to. */
const exceptions: Exception[] = [
  ...ofOlderParsers,
  {
    what: 'methods that Node does not know',
    because: 'the methods are an open list of tokens, and the service decides on them (RFC 9110 §9.1, §16.1)',
    covers: ({ ours, other }) => !other && !METHODS.includes(ours.start.split(' ')[0] as string),
  },
  {
    what: 'blanks beside the extension of a chunk, or behind its size',
    because: 'bad white space is to be read and left out (RFC 9112 §7.1.1); it takes nothing from the size',
    covers: ({ what, bytes }) => what === 'an end that only we find' && hasBlanksInSizeLine(bytes),
  },
  {
    what: 'Proxy-Connection: close',
    because: 'it is no field of the standard, and says nothing about this connection (RFC 9112 C.2.2)',
    covers: ({ what, other, bytes }) =>
      (what === 'whether the connection is kept' || !other) && /proxy-connection:[^\r]*close/i.test(bytes),
  },
  {
    what: 'what follows an upgrade that was not agreed to and has a body',
    because: 'a server may pass Upgrade over, and then HTTP goes on (RFC 9110 §7.8); Node throws it away instead',
    covers: ({ other, bytes }) => !other && /upgrade:/i.test(bytes) && /connection:[^\r]*upgrade/i.test(bytes),
  },
  {
    what: 'HTTP/1.0 with both keep-alive and close',
    because: 'close counts before all else (RFC 9112 §9.3)',
    covers: ({ what, ours }) =>
      what === 'whether the connection is kept' && ours.version === '1.0' && !ours.isKeptAlive,
  },
];

test('whatever Node refuses in requests we refuse, and what both accept means the same to both', async (t) => {
  const node = new NodeRequestReader();
  const { seed, caseCount } = asked(70_000);
  const compared = await compare({
    seed,
    caseCount,
    make: (grammar) => grammar.requests(),
    ours: aditReadsRequests,
    other: (connections) => node.read(connections),
    mayClose: false,
    exceptions,
  });
  t.diagnostic(`both accept ${compared.acceptedCount}, both refuse ${compared.refusedCount}`);
  assert.equal(compared.failure, undefined);
  assert.deepEqual(compared.unused, []);
  assert.ok(compared.acceptedCount > caseCount / 4);
  assert.ok(compared.refusedCount > caseCount / 10);
});
