import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError, type ErrorCode } from '#internal/core/errors';
import { TokenMemory } from '#internal/hub/token-memory';
import { limits } from '#messages/limits';
import { FakeClock } from '../support/fake-clock.ts';

function tokenOf(clock: FakeClock, signingInput: string): { keyId: string; signingInput: string; expiresAtMs: number } {
  return { keyId: 'key', signingInput, expiresAtMs: clock.wallMs() + 60_000 };
}

function assertRefused(code: ErrorCode, take: () => void): void {
  assert.throws(take, (error) => error instanceof AditError && error.code === code);
}

test('a token is taken once, but again by the same websocket', () => {
  const clock = new FakeClock();
  const memory = new TokenMemory(clock);
  const token = tokenOf(clock, 'a');
  memory.take(token, 'one');
  memory.take(token, 'one');
  assertRefused('ADIT_REFUSED', () => memory.take(token, 'two'));
});

test('a refused attempt does not make the token the newcomer’s', () => {
  const clock = new FakeClock();
  const memory = new TokenMemory(clock);
  const token = tokenOf(clock, 'a');
  memory.take(token, 'one');
  assertRefused('ADIT_REFUSED', () => memory.take(token, 'two'));
  assertRefused('ADIT_REFUSED', () => memory.take(token, 'two'));
  memory.take(token, 'one');
});

test('tokens of other keys and of other inputs are others', () => {
  const clock = new FakeClock();
  const memory = new TokenMemory(clock);
  memory.take(tokenOf(clock, 'a'), 'one');
  memory.take(tokenOf(clock, 'b'), 'two');
  memory.take({ ...tokenOf(clock, 'a'), keyId: 'another' }, 'two');
});

test('a token is remembered until the last moment of its life', () => {
  const clock = new FakeClock();
  const memory = new TokenMemory(clock);
  const token = tokenOf(clock, 'a');
  memory.take(token, 'one');
  clock.advance(60_000);
  assertRefused('ADIT_REFUSED', () => memory.take(token, 'two'));
});

test('full of living tokens it asks to try again later, and makes room of those that expired', () => {
  const clock = new FakeClock();
  const memory = new TokenMemory(clock);
  for (let i = 0; i < limits.rememberedTokenCount; i += 1) memory.take(tokenOf(clock, String(i)), 'one');
  assertRefused('ADIT_HUB_BUSY', () => memory.take(tokenOf(clock, 'new'), 'two'));
  // None of them was forgotten to make room.
  assertRefused('ADIT_REFUSED', () => memory.take(tokenOf(clock, '0'), 'two'));
  clock.advance(60_001);
  memory.take(tokenOf(clock, 'new'), 'two');
  assertRefused('ADIT_REFUSED', () => memory.take(tokenOf(clock, 'new'), 'three'));
});
