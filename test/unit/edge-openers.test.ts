import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import type { StreamOpener } from '#internal/link/stream';
import { TestEdge } from '../support/edge.ts';
import { quietTurns } from '../support/peer.ts';

const lost = new AditError('ADIT_LINK_LOST', 'the connection to the agent was lost');
const ok: [number, string[], string] = [200, ['Content-Length', '2'], 'ok'];

interface Lookup {
  resolve(session: string | undefined): void;
  reject(thrown: unknown): void;
}

/** An edge that asks elsewhere who serves its tunnel, and the questions that it has asked. */
async function startAsking(
  t: Parameters<typeof TestEdge.start>[0],
): Promise<{ edge: TestEdge; next: () => Promise<Lookup> }> {
  const lookups: Lookup[] = [];
  let wake = (): void => undefined;
  const findOpener = (opener: (session: string) => StreamOpener) =>
    new Promise<StreamOpener | undefined>((resolve, reject) => {
      lookups.push({ resolve: (session) => resolve(session === undefined ? undefined : opener(session)), reject });
      wake();
    });
  const edge = await TestEdge.start(t, { findOpener });
  const next = async (): Promise<Lookup> => {
    while (lookups.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return lookups.shift() as Lookup;
  };
  return { edge, next };
}

test('a request waits for the answer to who serves its tunnel, its body held back', async (t) => {
  const { edge, next } = await startAsking(t);
  const visitor = await edge.visit(t, `${edge.head('POST / HTTP/1.1', 'Content-Length: 4')}four`);
  (await next()).resolve('session');
  const stream = await edge.stream();
  await stream.until('end');
  assert.deepEqual(stream.calls, ['data four', 'end']);
  stream.answer(...ok);
  assert.equal((await visitor.response()).body, 'ok');
});

test('nobody serves it: the tunnel is offline, and the connection goes on', async (t) => {
  const { edge, next } = await startAsking(t);
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1').repeat(2));
  (await next()).resolve(undefined);
  const { status, field } = await visitor.response();
  assert.deepEqual([status, field('adit-error')], [502, 'ADIT_TUNNEL_OFFLINE']);
  (await next()).resolve('session');
  (await edge.stream()).answer(...ok);
  assert.equal((await visitor.response()).status, 200);
});

const rejections: [thrown: unknown, status: number, code: string, retryAfter: string | undefined][] = [
  [new AditError('ADIT_LOOKUP_FAILED', 'nobody says', { retryAfterSeconds: 4 }), 503, 'ADIT_LOOKUP_FAILED', '4'],
  [new SyntaxError('what is noted of a session is no JSON'), 500, 'ADIT_INTERNAL', undefined],
];
for (const [thrown, status, code, retryAfter] of rejections) {
  test(`an answer that fails is told as ${code}`, async (t) => {
    const { edge, next } = await startAsking(t);
    const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
    (await next()).reject(thrown);
    const response = await visitor.response();
    assert.deepEqual(
      [response.status, response.field('adit-error'), response.field('retry-after')],
      [status, code, retryAfter],
    );
  });
}

test('a visitor that leaves while nobody is known to serve it is seen to leave', async (t) => {
  const { edge, next } = await startAsking(t);
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  const lookup = await next();
  visitor.socket.destroy();
  while (!edge.underWay.isIdle) await quietTurns();
  lookup.resolve('session');
  const another = await edge.visit(t, edge.head('GET /another HTTP/1.1'));
  (await next()).resolve('session');
  const stream = await edge.stream();
  assert.equal(stream.head.target, '/another');
  another.socket.destroy();
});

test('a lookup that never ends is given up after --timeout', async (t) => {
  const { edge, next } = await startAsking(t);
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  await next();
  edge.clock.advance(30_000);
  assert.equal((await visitor.response()).status, 504);
});

/** An edge whose tunnel is served by one session after the other; undefined is nobody. */
async function startMoving(
  t: Parameters<typeof TestEdge.start>[0],
  sessions: (string | undefined)[],
): Promise<TestEdge> {
  return await TestEdge.start(t, {
    findOpener: (opener) => {
      const session = sessions.length > 1 ? sessions.shift() : sessions[0];
      return session === undefined ? undefined : opener(session);
    },
  });
}

for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
  test(`a ${method} whose session is lost before it was answered is sent to the next session`, async (t) => {
    const edge = await startMoving(t, ['old', 'new']);
    const visitor = await edge.visit(t, edge.head(`${method} / HTTP/1.1`));
    const first = await edge.stream();
    first.handler.reset(lost);
    const second = await edge.stream();
    assert.deepEqual(second.head, first.head);
    second.answer(200, ['Content-Length', '0']);
    assert.equal((await visitor.response({ isHead: method === 'HEAD' })).status, 200);
    assert.deepEqual(second.calls, ['end']);
  });
}

test('where it can not be found out who serves it now, the loss is told', async (t) => {
  let isLost = false;
  const edge = await TestEdge.start(t, {
    findOpener: (opener) => {
      if (isLost) throw new AditError('ADIT_LOOKUP_FAILED', 'nobody says');
      return opener('old');
    },
  });
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  const stream = await edge.stream();
  isLost = true;
  stream.handler.reset(lost);
  const { status, field } = await visitor.response();
  assert.deepEqual([status, field('adit-error')], [502, 'ADIT_LINK_LOST']);
});

test('it is sent to another session only once', async (t) => {
  const edge = await startMoving(t, ['old', 'new', 'newer']);
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  (await edge.stream()).handler.reset(lost);
  (await edge.stream()).handler.reset(lost);
  const { status, field } = await visitor.response();
  assert.deepEqual([status, field('adit-error'), field('retry-after')], [502, 'ADIT_LINK_LOST', '1']);
});

test('who serves it now may have to be asked', async (t) => {
  const { edge, next } = await startAsking(t);
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  (await next()).resolve('old');
  (await edge.stream()).handler.reset(lost);
  (await next()).resolve('new');
  (await edge.stream()).answer(...ok);
  assert.equal((await visitor.response()).status, 200);
});

const staying: [what: string, sessions: (string | undefined)[], request: string[], rest: string][] = [
  ['the same session', ['same'], ['GET / HTTP/1.1'], ''],
  ['nobody', ['old', undefined], ['GET / HTTP/1.1'], ''],
  ['another session, but has a body', ['old', 'new'], ['PUT / HTTP/1.1', 'Content-Length: 1'], 'x'],
  ['another session, but is no idempotent request', ['old', 'new'], ['POST / HTTP/1.1', 'Content-Length: 0'], ''],
  [
    'another session, but asks for an upgrade',
    ['old', 'new'],
    ['GET / HTTP/1.1', 'Connection: upgrade', 'Upgrade: x'],
    '',
  ],
];
for (const [what, sessions, request, rest] of staying) {
  test(`a lost request that would go to ${what}, gets its error`, async (t) => {
    const edge = await startMoving(t, sessions);
    const [line, ...fields] = request as [string, ...string[]];
    const visitor = await edge.visit(t, edge.head(line, ...fields) + rest);
    (await edge.stream()).handler.reset(lost);
    assert.equal((await visitor.response()).field('adit-error'), 'ADIT_LINK_LOST');
  });
}

test('what has been answered in part is not sent again, nor what failed for another reason', async (t) => {
  const edge = await startMoving(t, ['old', 'new']);
  const begun = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  const stream = await edge.stream();
  stream.handler.head({ status: 103, reason: '', fields: [] });
  await once(begun.socket, 'data');
  stream.handler.reset(lost);
  assert.equal((await begun.response()).status, 103);
  assert.equal((await begun.response()).field('adit-error'), 'ADIT_LINK_LOST');
  const failed = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  (await edge.stream()).handler.reset(new AditError('ADIT_ORIGIN_FAILED', 'the service broke off'));
  assert.equal((await failed.response()).field('adit-error'), 'ADIT_ORIGIN_FAILED');
});

test('a visitor that leaves while it is not known whether it is a probe leaves nothing behind', async (t) => {
  let answer: (isProbe: boolean) => void = () => undefined;
  let asked: () => void = () => undefined;
  const wasAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const isProbe = (_id: string, target: string): boolean | Promise<boolean> => {
    if (target !== '/probe') return false;
    asked();
    return new Promise((resolve) => {
      answer = resolve;
    });
  };
  const edge = await TestEdge.start(t, { isProbe });
  const visitor = await edge.visit(t, edge.head('GET /probe HTTP/1.1'));
  await wasAsked;
  visitor.socket.destroy();
  while (edge.listener.visitorCount > 0) await quietTurns();
  answer(false);
  await quietTurns();
  assert.ok(edge.underWay.isIdle);
  await edge.visit(t, edge.head('GET /other HTTP/1.1'));
  assert.equal((await edge.stream()).head.target, '/other');
});
