import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestEdge } from '../support/edge.ts';

/** An edge with a mistake in it, that requests for `/mistake` meet. */
const startBroken = async (t: Parameters<typeof TestEdge.start>[0]): Promise<TestEdge> =>
  await TestEdge.start(t, {
    onOpen: ({ target }) => {
      if (target === '/mistake') throw new TypeError('cannot read properties of undefined');
    },
  });

test('a mistake in one request is a 500 without its details, and its connection goes on', async (t) => {
  const edge = await startBroken(t);
  const visitor = await edge.visit(t, edge.head('GET /mistake HTTP/1.1'));
  const { status, body, field } = await visitor.response();
  assert.deepEqual([status, field('adit-error')], [500, 'ADIT_INTERNAL']);
  assert.doesNotMatch(body, /undefined/);
  visitor.send(edge.head('GET /good HTTP/1.1'));
  (await edge.stream()).answer(200, [], 'good');
  assert.equal((await visitor.response()).body, 'good');
});

test('a mistake in one request costs no other one', async (t) => {
  const edge = await startBroken(t);
  const before = await edge.visit(t, edge.head('POST /upload HTTP/1.1', 'Content-Length: 6'));
  const stream = await edge.stream();
  before.send('abc');
  await stream.until('data abc');
  const broken = await edge.visit(t, `${edge.head('POST /mistake HTTP/1.1', 'Content-Length: 6')}abc`);
  assert.equal((await broken.response()).status, 500);
  before.send('def');
  await stream.until('data def');
  stream.answer(200, [], 'whole');
  assert.equal((await before.response()).body, 'whole');
});
