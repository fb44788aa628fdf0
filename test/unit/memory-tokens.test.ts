import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError, type ErrorCode } from '#internal/core/errors';
import { MemoryTokens } from '#internal/hub/tokens/memory';
import type { Token } from '#internal/hub/tokens/tokens';
import { limits } from '#messages/limits';
import { FakeClock } from '../support/fake-clock.ts';

function tokenOf(clock: FakeClock, signingInput: string): Token {
  return { keyId: 'key', signingInput, expiresAtMs: clock.wallMs() + 60_000 };
}

async function assertRefused(code: ErrorCode, taken: Promise<void>): Promise<void> {
  await assert.rejects(taken, (error) => error instanceof AditError && error.code === code);
}

test('a token is remembered until the last moment of its life', async () => {
  const clock = new FakeClock();
  const tokens = new MemoryTokens(clock);
  const token = tokenOf(clock, 'a');
  await tokens.take(token, 'one');
  clock.advance(60_000);
  await assertRefused('ADIT_REFUSED', tokens.take(token, 'two'));
});

test('full of living tokens it asks to try again later, and makes room of those that expired', async () => {
  const clock = new FakeClock();
  const tokens = new MemoryTokens(clock);
  for (let i = 0; i < limits.rememberedTokenCount; i += 1) await tokens.take(tokenOf(clock, String(i)), 'one');
  await assertRefused('ADIT_HUB_BUSY', tokens.take(tokenOf(clock, 'new'), 'two'));
  // None of them was forgotten to make room.
  await assertRefused('ADIT_REFUSED', tokens.take(tokenOf(clock, '0'), 'two'));
  clock.advance(60_001);
  await tokens.take(tokenOf(clock, 'new'), 'two');
  await assertRefused('ADIT_REFUSED', tokens.take(tokenOf(clock, 'new'), 'three'));
});
