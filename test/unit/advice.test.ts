import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { HostHeader } from '#internal/agent/origin-request';
import { AditError } from '#internal/core/errors';
import type { Fields } from '#internal/http1/fields';
import { SocketOrigin } from '../support/socket-origin.ts';

const publicHost = 'id.tunnel.test';
const came = ['X-Forwarded-Host', publicHost, 'X-Forwarded-Proto', 'https'];
const ownPage = ['Origin', `https://${publicHost}`, ...came];
const websocket = ['Connection', 'Upgrade', 'Upgrade', 'websocket'];
const refusal = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n';
const advised =
  /^the service refused \S+ \S+, maybe for its Origin, https:\/\/id\.tunnel\.test: allow that there, or try --host/;

/** What whoever runs the agent is told when the service answers a request, and closes. */
async function notesOn(
  t: TestContext,
  answer: string,
  { fields, target = '/', count = 1 }: { fields: Fields; target?: string; count?: number },
  hostHeader: HostHeader = { kind: 'rewrite' },
): Promise<string[]> {
  const service = await SocketOrigin.start(t);
  for (let i = 0; i < count; i += 1) {
    const { response, request } = service.forward({ target, fields }, { hostHeader });
    request.ended([]);
    const connection = await service.accept();
    await connection.head();
    connection.socket.end(answer);
    await response.done;
  }
  return service.notes;
}

test('a form that the service refuses to its own page is told of, once and without its query', async (t) => {
  const notes = await notesOn(t, refusal, { fields: ownPage, target: '/form?token=secret', count: 2 });
  assert.equal(notes.length, 1);
  assert.match(notes[0] ?? '', advised);
  assert.match(notes[0] ?? '', /refused GET \/form,/);
});

test('a websocket that the service breaks off, or refuses, is told of', async (t) => {
  for (const answer of ['', 'Unauthorized', refusal]) {
    const notes = await notesOn(t, answer, { fields: [...ownPage, ...websocket] });
    assert.equal(notes.length, 1);
    assert.match(notes[0] ?? '', advised);
  }
});

test('nothing is told of other refusals', async (t) => {
  assert.deepEqual(await notesOn(t, refusal, { fields: came }), [], 'without an Origin');
  assert.deepEqual(await notesOn(t, refusal, { fields: ['Origin', 'undefined'] }), [], 'no name to go by');
  const foreign = ['Origin', 'https://elsewhere.test', ...came];
  assert.deepEqual(await notesOn(t, refusal, { fields: foreign }), [], "another site's page");
  assert.deepEqual(await notesOn(t, refusal.replace('403', '401'), { fields: ownPage }), [], 'another status');
  assert.deepEqual(await notesOn(t, '', { fields: ownPage }), [], 'broken off, and no websocket');
  assert.deepEqual(
    await notesOn(t, refusal, { fields: ownPage }, { kind: 'preserve' }),
    [],
    'it has the public name as Host',
  );
});

test('an exchange that the hub gives up is told of when a limit is the reason, once for each', async (t) => {
  const service = await SocketOrigin.start(t);
  for (const [code, method] of [
    ['ADIT_RESPONSE_TOO_LARGE', 'GET'],
    ['ADIT_RESPONSE_TOO_LARGE', 'GET'],
    ['ADIT_REQUEST_TOO_LARGE', 'PUT'],
    ['ADIT_VISITOR_GONE', 'GET'],
  ] as const) {
    const { request } = service.forward({ method, target: '/big?x=1' });
    request.reset(new AditError(code, 'too large'));
  }
  assert.deepEqual(service.notes, ['GET /big: too large', 'PUT /big: too large']);
});
