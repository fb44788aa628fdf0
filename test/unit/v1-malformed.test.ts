import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeV1, V1DocumentError } from '#messages/v1';
import { documentOf, type Members } from '../support/peer.ts';

const id = '5d1f4b8e-7a52-4b0c-8f0e-3b6a4d2c9e71';

const good: Record<string, Members> = {
  'registration-request': { mandateToken: 'a.b.c' },
  'registration-response': { keyID: 'k', hostname: 'k.tunnel.test' },
  'http-request': { url: '/', query: '', headers: {}, method: 'GET', body: '' },
  'http-response': { status: 200, headers: {}, contentType: '', body: '' },
  'ws-request': { url: '/', query: '', headers: {} },
  'ws-response': { ok: true, error: '' },
  'ws-message': { messageType: 1, body: 'hello' },
  'ws-teardown': {},
};

/** Each wrong member with the values that it can't have; `undefined` leaves it out. */
const wrong: [name: string, member: string, values: unknown[]][] = [
  ['registration-request', 'mandateToken', [undefined, null, 1, {}]],
  ['registration-request', 'session', [1, {}, true]],
  ['registration-response', 'keyID', [undefined, null, 7]],
  ['registration-response', 'hostname', [7, []]],
  ['http-request', 'url', [undefined, null, 3, '', 'no/slash', 'http://evil.test/']],
  ['http-request', 'query', [1, []]],
  ['http-request', 'headers', ['text', 1, true]],
  ['http-request', 'method', [undefined, null, 1]],
  ['http-request', 'body', [1, {}, 'AAA', 'AA=A', '====', 'A===', 'AAAA=', '*AAA', 'AA A', 'AAA\n', '-_-_']],
  ['http-response', 'status', [undefined, null, '200', 199, 101, 600, 1_000, 99, 200.5, -200, '2e2', [200]]],
  ['http-response', 'headers', ['text', 1]],
  ['http-response', 'contentType', [1, {}]],
  ['http-response', 'body', [1, 'AAA', 'A', '__8=', 'AA==AA==', 'AAAA\r\n']],
  ['ws-request', 'url', [undefined, 'ws']],
  ['ws-request', 'headers', [0]],
  ['ws-response', 'error', [1]],
  ['ws-message', 'body', [1, {}]],
];

function refusalOf(text: string): V1DocumentError {
  try {
    decodeV1(text);
  } catch (error) {
    assert.ok(error instanceof V1DocumentError);
    return error;
  }
  return assert.fail(`taken: ${text}`);
}

for (const [name, members] of Object.entries(good)) {
  test(`the ${name} that the wrong ones are made of is right`, () => {
    assert.equal(decodeV1(documentOf(name, { '@id': id, ...members }))?.type, name);
  });
}

for (const [name, member, values] of wrong) {
  for (const value of values) {
    test(`a ${name} whose ${member} is ${JSON.stringify(value) ?? 'missing'} is refused by that name and its id`, () => {
      const error = refusalOf(documentOf(name, { '@id': id, ...good[name], [member]: value }));
      assert.match(error.message, new RegExp(`^${member} is not |^${member} does not `));
      assert.equal(error.id, id);
    });
  }
}

test('a header whose value is no text is named, and its document too', () => {
  const error = refusalOf(
    documentOf('http-response', { '@id': id, ...good['http-response'], headers: { 'X-A': ['1'] } }),
  );
  assert.match(error.message, /header "X-A" is not a text/);
  assert.equal(error.id, id);
});

test('a header with an endless name does not make an endless error', () => {
  const headers = { [`X-${'a'.repeat(100_000)}`]: 1 };
  assert.ok(refusalOf(documentOf('http-response', { ...good['http-response'], headers })).message.length < 200);
});

for (const [name, members] of Object.entries(good)) {
  for (const missing of [undefined, '', null, 7]) {
    test(`a ${name} with the id ${JSON.stringify(missing) ?? 'left out'} is refused for that`, () => {
      const error = refusalOf(documentOf(name, { ...members, '@id': missing }));
      assert.match(error.message, /no @id/);
      assert.equal(error.id, undefined);
    });
  }
}

for (const text of ['', 'go away', '{', '[]', 'null', '1', '"text"', '[{"@type":"x"}]', '{"@type":"x"} {}']) {
  test(`the message ${JSON.stringify(text)} is no document`, () => {
    const error = refusalOf(text);
    assert.match(error.message, /not a JSON (document|object)/);
    assert.equal(error.id, undefined);
  });
}

for (const type of [undefined, null, 7, {}]) {
  test(`a document with the type ${JSON.stringify(type) ?? 'left out'} is refused, with its id`, () => {
    const error = refusalOf(JSON.stringify({ '@type': type, '@id': id }));
    assert.match(error.message, /no @type/);
    assert.equal(error.id, id);
  });
}

for (const body of ['', 'AA==', 'AAA=', 'AAAA', '+/+/', 'b2s=']) {
  test(`the body ${JSON.stringify(body)} is standard base64`, () => {
    const document = decodeV1(documentOf('http-response', { ...good['http-response'], body }));
    assert.ok(document?.type === 'http-response');
    assert.equal(document.body.toString('base64'), body);
  });
}
