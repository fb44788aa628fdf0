import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Settings } from '#internal/core/config';
import { agentSettings } from '../../cmd/adit/settings.ts';
import { serverSettings } from '../../cmd/adit-server/settings.ts';
import { tableUnder } from '../support/markdown.ts';

const page = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** What both programs have beside their settings. */
const others = ['--config'];

const programs: { name: string; heading: string; settings: Settings }[] = [
  { name: 'adit', heading: 'Publish a service', settings: agentSettings },
  // Some variables are read only where the original's others are set.
  { name: 'adit-server', heading: 'Run a hub', settings: serverSettings({ PUBSUB: 'redis' }) },
];

for (const { name, heading, settings } of programs) {
  test(`the README lists every flag of ${name} with its variables, and no other`, () => {
    const listed = tableUnder(page, heading)
      .map(([flags = '', variables = '']) => ({
        flags: [...flags.matchAll(/`?(--[a-z-]+)/g)].map((match) => match[1] as string),
        variables: [...variables.matchAll(/`([A-Z_]+)`/g)].map((match) => match[1] as string),
      }))
      .filter(({ flags }) => flags.length > 0 && !others.includes(flags[0] as string));
    const known = Object.values(settings);
    assert.deepEqual(listed.flatMap(({ flags }) => flags).sort(), known.map(({ flag }) => `--${flag}`).sort());
    for (const { flags, variables } of listed) {
      const read = known.filter(({ flag }) => flags.includes(`--${flag}`)).flatMap(({ env }) => env);
      assert.deepEqual(variables, read, flags.join());
    }
  });
}

test('the README links to no file that is not there', () => {
  const paths = [...page.matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1] as string);
  assert.ok(paths.length > 5);
  for (const path of paths) assert.ok(existsSync(new URL(`../../${path}`, import.meta.url)), path);
});

test('decisions are numbered without a gap, and say their numbers', () => {
  const folder = new URL('../../docs/decisions/', import.meta.url);
  for (const [index, name] of readdirSync(folder).sort().entries()) {
    const number = String(index + 1).padStart(3, '0');
    assert.ok(name.startsWith(`${number}-`), name);
    assert.ok(readFileSync(new URL(name, folder), 'utf8').startsWith(`# ${number}: `), name);
  }
});
