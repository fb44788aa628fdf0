import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError, type VisitorErrorCode, visitorErrors } from '#internal/core/errors';
import { fieldValue } from '#internal/http1/fields';
import { type ErrorResponse, errorResponse, visitorCode } from '#internal/hub/edge/error-response';

const codes = Object.keys(visitorErrors) as VisitorErrorCode[];
const html = 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8';

function respond(error: AditError, accept = '*/*', requestId = 'r-1'): ErrorResponse {
  return errorResponse(error, { accept, requestId });
}

function field({ head }: ErrorResponse, name: string): string | undefined {
  return fieldValue(head.fields, name);
}

for (const code of codes) {
  const { status, leg, title } = visitorErrors[code];
  test(`${code} is told to programs with its status, leg, title and message`, () => {
    const response = respond(new AditError(code, 'what was attempted'));
    assert.equal(response.head.status, status);
    assert.deepEqual(JSON.parse(response.body.toString()), {
      error: { code, leg, title, message: 'what was attempted', requestId: 'r-1' },
    });
  });

  test(`${code} is told to browsers on a page with its title and message`, () => {
    const response = respond(new AditError(code, 'what was attempted'), html);
    const page = response.body.toString();
    assert.equal(response.head.status, status);
    for (const text of [`<h1>${title}</h1>`, 'What was attempted.', `<code>${code}</code>`, 'r-1', String(status)]) {
      assert.ok(page.includes(text), text);
    }
    assert.equal(page.match(/class="failed"/g)?.length, 1);
  });

  test(`${code} is neither kept, nor run, nor guessed`, () => {
    for (const accept of ['', html]) {
      const response = respond(new AditError(code, 'x'), accept);
      assert.equal(field(response, 'adit-error'), code);
      assert.equal(field(response, 'cache-control'), 'no-store');
      assert.equal(field(response, 'content-security-policy'), "default-src 'none'; style-src 'unsafe-inline'");
      assert.equal(field(response, 'x-content-type-options'), 'nosniff');
      assert.equal(field(response, 'content-length'), String(response.body.length));
    }
  });
}

test('whoever accepts HTML gets a page, all others JSON', () => {
  const typeFor = (accept: string): string | undefined =>
    field(respond(new AditError('ADIT_INTERNAL', 'x'), accept), 'content-type');
  for (const accept of [html, 'TEXT/HTML', 'application/json, text/html'])
    assert.equal(typeFor(accept), 'text/html; charset=utf-8', accept);
  for (const accept of ['', '*/*', 'application/json', 'text/htmlx'])
    assert.equal(typeFor(accept), 'application/json', accept);
});

test('a page shows a message and a request id as text, whatever they say', () => {
  const message = `<script>alert("1")</script> & 'more'`;
  const page = respond(new AditError('ADIT_UPGRADE_REFUSED', message), html, '<b>"id"</b>').body.toString();
  assert.equal(page.includes('<script'), false);
  assert.equal(page.includes('<b>'), false);
  assert.ok(page.includes('&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; &#38; &#39;more&#39;.'));
});

test('a page needs nothing from elsewhere and runs no script', () => {
  for (const code of codes) {
    const page = respond(new AditError(code, 'x'), html).body.toString();
    assert.doesNotMatch(page, /<script|<link|<img|<iframe|\bsrc=|url\(|@import|\son\w+=/i);
  }
});

test('the parts before the one that failed are fine, and those behind it were not reached', () => {
  const page = respond(new AditError('ADIT_LINK_LOST', 'x'), html).body.toString();
  const kinds = [...page.matchAll(/<li class="(\w+)"/g)].map((match) => match[1]);
  assert.deepEqual(kinds, ['reached', 'reached', 'failed', 'beyond', 'beyond']);
});

test('when to come again is told in seconds', () => {
  assert.equal(field(respond(new AditError('ADIT_RATE_LIMITED', 'x', { retryAfterSeconds: 7 })), 'retry-after'), '7');
  assert.equal(field(respond(new AditError('ADIT_RATE_LIMITED', 'x')), 'retry-after'), undefined);
});

test('a wrong websocket version is told which one is served, a wrong method which ones are', () => {
  const upgrade = respond(new AditError('ADIT_UPGRADE_REQUIRED', 'x'));
  assert.equal(field(upgrade, 'upgrade'), 'websocket');
  assert.equal(field(upgrade, 'sec-websocket-version'), '13');
  assert.match(field(respond(new AditError('ADIT_METHOD_NOT_ALLOWED', 'x')), 'allow') ?? '', /GET, HEAD, POST/);
  assert.equal(field(respond(new AditError('ADIT_BAD_REQUEST', 'x')), 'allow'), undefined);
});

test('an error without words for visitors is a mistake of the hub', () => {
  for (const code of ['ADIT_USAGE', 'ADIT_VISITOR_GONE', 'ADIT_FAILED'] as const) {
    assert.equal(visitorCode(new AditError(code, 'x')), 'ADIT_INTERNAL');
    assert.equal(respond(new AditError(code, 'x')).head.status, 500);
  }
});

test('what may be over in a moment is worth another attempt soon, unless its error says when', () => {
  for (const code of ['ADIT_LINK_LOST', 'ADIT_LOOKUP_FAILED', 'ADIT_TUNNEL_RECONNECTING'] as const) {
    assert.equal(field(respond(new AditError(code, 'x')), 'retry-after'), '1');
    assert.equal(field(respond(new AditError(code, 'x', { retryAfterSeconds: 7 })), 'retry-after'), '7');
  }
  assert.equal(field(respond(new AditError('ADIT_ORIGIN_FAILED', 'x')), 'retry-after'), undefined);
});
