import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfigFile, resolveSettings, type Setting, type Sources } from '#internal/core/config';
import { AditError } from '#internal/core/errors';

const settings = {
  colour: {
    flag: 'the-colour',
    env: ['COLOUR', 'OLD_COLOUR'],
    placeholder: 'name',
    help: 'a colour',
    parse(text: string): string {
      if (text === 'ultraviolet') throw new Error('"ultraviolet" is not visible');
      return text.toUpperCase();
    },
    fallback: 'the default',
  },
  isLoud: { flag: 'loud', env: [], help: 'a switch', parse: (text: string) => text === 'true', fallback: false },
} satisfies Record<string, Setting<unknown>>;

const file = { path: '/etc/adit.json', values: { 'the-colour': 'file' } as Record<string, unknown> };

function colour(sources: Partial<Sources>): unknown {
  return resolveSettings(settings, { flags: {}, env: {}, ...sources }).colour;
}

function refuses(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AditError);
    assert.equal(error.code, 'ADIT_USAGE');
    assert.match(error.message, message);
    return true;
  };
}

test('a flag is stronger than the environment, that than the file, and that than the default', () => {
  const flags = { 'the-colour': 'flag' };
  const env = { COLOUR: 'env' };
  assert.equal(colour({ flags, env, file }), 'FLAG');
  assert.equal(colour({ env, file }), 'ENV');
  assert.equal(colour({ file }), 'FILE');
  assert.equal(colour({}), 'the default');
});

test('of several names in the environment the first one that is set counts', () => {
  assert.equal(colour({ env: { COLOUR: 'new', OLD_COLOUR: 'old' } }), 'NEW');
  assert.equal(colour({ env: { OLD_COLOUR: 'old' } }), 'OLD');
});

test('an empty text in the environment is a value', () => {
  assert.equal(colour({ env: { COLOUR: '' }, file }), '');
});

test('a list in the file is joined as in the environment, and numbers and truths are texts', () => {
  assert.equal(colour({ file: { ...file, values: { 'the-colour': ['a', 'b'] } } }), 'A,B');
  assert.equal(colour({ file: { ...file, values: { 'the-colour': 7 } } }), '7');
  const { isLoud } = resolveSettings(settings, { flags: {}, env: {}, file: { ...file, values: { loud: true } } });
  assert.equal(isLoud, true);
});

test('an error names the source of the wrong value', () => {
  const wrong = 'ultraviolet';
  assert.throws(
    () => colour({ flags: { 'the-colour': wrong } }),
    refuses(/^--the-colour: "ultraviolet" is not visible/),
  );
  assert.throws(() => colour({ env: { OLD_COLOUR: wrong } }), refuses(/^OLD_COLOUR: "ultraviolet" is not visible/));
  const values = { 'the-colour': wrong };
  assert.throws(() => colour({ file: { ...file, values } }), refuses(/^\/etc\/adit\.json: the-colour: "ultraviolet"/));
});

test('a wrong value that a stronger source hides harms nobody', () => {
  assert.equal(colour({ flags: { 'the-colour': 'red' }, env: { COLOUR: 'ultraviolet' } }), 'RED');
});

for (const key of ['theColour', 'colour', 'COLOUR', '__proto__x', 'toString']) {
  test(`the unknown key ${key} in the file is refused by its name`, () => {
    const expected = refuses(new RegExp(`^/etc/adit\\.json: unknown setting "${key}"`));
    assert.throws(() => colour({ file: { ...file, values: { [key]: 'x' } } }), expected);
  });
}

test('a config file is read', () => {
  const text = '{"the-colour": "green", "loud": true}';
  const read = { path: 'a.json', values: { 'the-colour': 'green', loud: true } };
  assert.deepEqual(parseConfigFile('a.json', text), read);
  assert.deepEqual(parseConfigFile('a.json', `\uFEFF${text}`), read);
});

test('a config file that is not JSON is refused by its path', () => {
  assert.throws(() => parseConfigFile('a.json', 'colour = green'), refuses(/^a\.json: is not JSON/));
  assert.throws(() => parseConfigFile('a.json', ''), refuses(/^a\.json: is not JSON/));
});

for (const text of ['[]', 'null', '"text"', '1', '[{"the-colour":"green"}]']) {
  test(`a config file with ${text} is not an object`, () => {
    assert.throws(() => parseConfigFile('a.json', text), refuses(/^a\.json: is not a JSON object/));
  });
}
