import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestEdge } from '../support/edge.ts';

const hint = ['Link', `</${'a'.repeat(16_000)}>`];

test('interim answers pass, but a visitor that is behind gets no more of them', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  const stream = await edge.stream();
  visitor.socket.pause();
  for (let i = 0; i < 4_000; i += 1) stream.handler.head({ status: 103, reason: '', fields: hint });
  stream.answer(200, ['Content-Length', '2'], 'ok');
  visitor.socket.resume();
  let count = 0;
  let answer = await visitor.response();
  for (; answer.status === 103; answer = await visitor.response()) count += 1;
  assert.equal(answer.body, 'ok');
  assert.ok(count >= 1 && count < 40, `${count} interim answers`);
});
