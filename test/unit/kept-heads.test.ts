import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RequestHeadReader } from '#internal/http1/request-reader';
import { TestEdge } from '../support/edge.ts';
import type { RawVisitor } from '../support/raw-visitor.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const short = 'x'.repeat(1_000);
const long = 'x'.repeat(10_000);

async function isKept(ref: WeakRef<object>): Promise<boolean> {
  // What was looked at lives until the turn is over.
  await nextTurn();
  collect();
  return ref.deref() !== undefined;
}

test('a reader keeps its last head unless it is too long to come again', async () => {
  const reader = new RequestHeadReader();
  const read = (value: string): WeakRef<object> => {
    const { head } = reader.push(Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nA: ${value}\r\n\r\n`)) ?? {};
    return new WeakRef(head as object);
  };
  assert.equal(await isKept(read(short)), true);
  assert.equal(await isKept(read(long)), false);
});

/** Has one request answered, with fields of these values; gives the heads for the agent and of its answer. */
async function exchange(
  edge: TestEdge,
  visitor: RawVisitor,
  { line = 'GET / HTTP/1.1', asked = '', answered = '' }: { line?: string; asked?: string; answered?: string },
): Promise<{ request: WeakRef<object>; response: WeakRef<object> }> {
  visitor.send(edge.head(line, `A: ${asked}`));
  const { head, handler } = await edge.stream();
  const response = { status: 200, reason: '', fields: ['Date', 'D', 'Content-Length', '0', 'A', answered] };
  handler.head(response);
  handler.ended([]);
  await visitor.response();
  return { request: new WeakRef(head), response: new WeakRef(response) };
}

test('a connection that waits for its next request keeps no long heads', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, '');
  const kept = await exchange(edge, visitor, { asked: short, answered: short });
  assert.equal(await isKept(kept.request), true);
  assert.equal(await isKept(kept.response), true);
  const { request } = await exchange(edge, visitor, { asked: long });
  assert.equal(await isKept(request), false);
  const { request: targeted } = await exchange(edge, visitor, { line: `GET /${long} HTTP/1.1`, asked: 'b' });
  assert.equal(await isKept(targeted), false);
  const { response } = await exchange(edge, visitor, { answered: long });
  assert.equal(await isKept(response), false);
});
