import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AditError } from '#internal/core/errors';
import type { Token, Tokens } from '#internal/hub/tokens/tokens';

/** Makes a memory of tokens with nothing in it. */
export type MakeTokens = (t: TestContext) => Promise<Tokens>;

function tokenOf(signingInput: string, keyId = 'key'): Token {
  return { keyId, signingInput, expiresAtMs: Date.now() + 60_000 };
}

async function assertRefused(taken: Promise<void>): Promise<void> {
  await assert.rejects(taken, (error) => error instanceof AditError && error.code === 'ADIT_REFUSED');
}

/** What every memory of tokens promises. */
export function tokensContract(name: string, makeTokens: MakeTokens): void {
  test(`${name}: a token is taken once, but again by the same websocket`, async (t) => {
    const tokens = await makeTokens(t);
    await tokens.take(tokenOf('a'), 'one');
    await tokens.take(tokenOf('a'), 'one');
    await assertRefused(tokens.take(tokenOf('a'), 'two'));
  });

  test(`${name}: a refused attempt does not make the token the newcomer’s`, async (t) => {
    const tokens = await makeTokens(t);
    await tokens.take(tokenOf('a'), 'one');
    await assertRefused(tokens.take(tokenOf('a'), 'two'));
    await assertRefused(tokens.take(tokenOf('a'), 'two'));
    await tokens.take(tokenOf('a'), 'one');
  });

  test(`${name}: of many at the same time one takes it`, async (t) => {
    const tokens = await makeTokens(t);
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => tokens.take(tokenOf('a'), `${i}`)));
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  test(`${name}: tokens of other keys and of other inputs are others`, async (t) => {
    const tokens = await makeTokens(t);
    await tokens.take(tokenOf('a'), 'one');
    await tokens.take(tokenOf('b'), 'two');
    await tokens.take(tokenOf('a', 'another'), 'two');
  });
}
