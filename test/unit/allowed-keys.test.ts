import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { loadAllowedKeys } from '#internal/hub/registration/allowed-keys';
import { temporaryFolder } from '../support/processes.ts';

const [first, second] = [`${'b'.repeat(51)}a`, `${'c'.repeat(51)}q`];

async function load(t: TestContext, text: string): Promise<ReadonlySet<string>> {
  const path = join(temporaryFolder(t), 'keys.txt');
  writeFileSync(path, text);
  return await loadAllowedKeys(path);
}

function refuses(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof AditError && error.code === 'ADIT_USAGE' && message.test(error.message);
}

const texts = [
  `${first}\n${second}\n`,
  `${first}\r\n${second}`,
  `# mine\n\n  ${first} # the first\n\t${second}\n#${'d'.repeat(52)}\n`,
];
for (const text of texts) {
  test(`the two ids of ${JSON.stringify(text.replaceAll(first, '<1>').replaceAll(second, '<2>'))} are read`, async (t) => {
    assert.deepEqual([...(await load(t, text))], [first, second]);
  });
}

test('an empty file lets nobody', async (t) => {
  assert.equal((await load(t, '')).size, 0);
  assert.equal((await load(t, '# nobody yet\n')).size, 0);
});

for (const wrong of [first.toUpperCase(), 'short', `${first}a`, `${first} ${second}`, `${'b'.repeat(51)}b`, '*']) {
  test(`the line ${wrong} is refused by its number`, async (t) => {
    await assert.rejects(
      load(t, `# ids\n${first}\n${wrong}\n`),
      refuses(/--allow-keys: .*keys\.txt line 3 is not a client id/),
    );
  });
}

test('a file that is not there is refused by its name', async (t) => {
  const path = join(temporaryFolder(t), 'missing.txt');
  await assert.rejects(loadAllowedKeys(path), refuses(/--allow-keys: cannot read .*missing\.txt: ENOENT/));
});
