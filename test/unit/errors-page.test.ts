import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { visitorErrors } from '#internal/core/errors';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

/** The cells of the table under a heading, without its head. */
function tableUnder(heading: string): string[][] {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`(ADIT_[A-Z_]+)`/g)].map((match) => match[1] as string);
}

test('the page lists every code that a visitor can meet, with its status and leg, and no other', () => {
  const listed = tableUnder('What a visitor can meet').map(([code = '', status, leg]) => [
    codesIn(code)[0],
    Number(status),
    leg,
  ]);
  const known = Object.entries(visitorErrors).map(([code, { status, leg }]) => [code, status, leg]);
  assert.deepEqual(listed.sort(), known.sort());
});
