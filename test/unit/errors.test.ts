import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AditError, commandErrors, isVisitorErrorCode, messageOf, visitorErrors } from '#internal/core/errors';
import { tableUnder } from '../support/markdown.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`(ADIT_[A-Z_]+)`/g)].map((match) => match[1] as string);
}

test('the page lists every code that ends a command, with its exit code, and no other', () => {
  const listed = tableUnder(page, 'What ends a command').flatMap(([codes = '', exitCode]) =>
    codesIn(codes).map((code) => [code, Number(exitCode)]),
  );
  assert.deepEqual(listed.sort(), Object.entries(commandErrors).sort());
});

test('the page speaks of no code that is not there', () => {
  const known = new Set([...Object.keys(visitorErrors), ...Object.keys(commandErrors)]);
  const mentioned = page.match(/\bADIT_[A-Z_]*[A-Z]/g) ?? [];
  assert.ok(mentioned.length > known.size / 2);
  assert.deepEqual(
    [...new Set(mentioned)].filter((code) => !known.has(code)),
    [],
  );
});

test('every row of the page says what the code means', () => {
  for (const heading of ['What a visitor can meet', 'What ends a command']) {
    for (const row of tableUnder(page, heading)) assert.ok((row.at(-1) ?? '').length > 10, row.join(' | '));
  }
});

test('only codes with words for visitors are visitor codes', () => {
  assert.equal(isVisitorErrorCode('ADIT_LINK_LOST'), true);
  for (const code of ['ADIT_VISITOR_GONE', 'ADIT_USAGE', 'toString', '__proto__', '']) {
    assert.equal(isVisitorErrorCode(code), false, code);
  }
});

test('an error keeps its code, its cause and when to come again', () => {
  const cause = new Error('below');
  const error = new AditError('ADIT_RATE_LIMITED', 'too many', { cause, retryAfterSeconds: 3 });
  assert.deepEqual(
    [error.code, error.message, error.cause, error.retryAfterSeconds],
    ['ADIT_RATE_LIMITED', 'too many', cause, 3],
  );
  assert.equal('cause' in new AditError('ADIT_FAILED', 'alone'), false);
});

test('whatever was thrown has a text', () => {
  assert.equal(messageOf(new Error('a')), 'a');
  assert.equal(messageOf('b'), 'b');
  assert.equal(messageOf(undefined), 'undefined');
  assert.equal(messageOf(new AggregateError([new Error('v4'), new Error('v6')])), 'v4; v6');
  assert.equal(messageOf(new AggregateError([new Error('v4')], 'both')), 'both');
});

test('the page lists every code that a visitor can meet, with its status and leg, and no other', () => {
  const listed = tableUnder(page, 'What a visitor can meet').map(([code = '', status, leg]) => [
    codesIn(code)[0],
    Number(status),
    leg,
  ]);
  const known = Object.entries(visitorErrors).map(([code, { status, leg }]) => [code, status, leg]);
  assert.deepEqual(listed.sort(), known.sort());
});
