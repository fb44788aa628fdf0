import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { echo, echoed, startOrigin } from '../support/origin.ts';
import { startAgent, startTunnel } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const large = randomBytes(499_000);
const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const origin = await startOrigin({ after }, (request, response, body) => {
  switch (request.url) {
    case '/redirect':
      response.writeHead(301, { Location: 'http://169.254.169.254/latest/meta-data/' }).end();
      return;
    case '/hash':
      response.writeHead(200, { 'X-Hash': hashOf(body) }).end(large);
      return;
    case '/name':
      response.writeHead(200, { 'X-Name': Buffer.from('Žluťoučký kůň 🐴').toString('latin1') }).end();
      return;
    default:
      echo(request, response, body);
  }
});
const { hub, port, host } = await startTunnel({ after }, origin.port);
const utf8Field = (value: string): string => Buffer.from(value, 'utf8').toString('latin1');

for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
  test(`${method} reaches the service with its body`, async () => {
    const body = method === 'GET' || method === 'OPTIONS' ? '' : 'four';
    const { status, text } = await visit({ port, host, path: '/thing', method, body });
    assert.equal(status, 200);
    const seen = echoed({ text });
    assert.deepEqual([seen.method, seen.url, seen.bodyLength], [method, '/thing', body.length]);
  });
}

test('HEAD reaches the service and is answered with its fields alone', async () => {
  const { status, headers, body } = await visit({ port, host, path: '/head', method: 'HEAD' });
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(body.length, 0);
  assert.ok(origin.journal.includes('HEAD /head'));
});

for (const expected of [200, 204, 304, 404, 418, 500]) {
  test(`a ${expected} of the service arrives as such`, async () => {
    const { status, headers, body } = await visit({ port, host, path: `/status/${expected}` });
    assert.equal(status, expected);
    assert.equal(headers['adit-error'], undefined);
    assert.equal(body.length > 0, expected !== 204 && expected !== 304);
  });
}

test('a redirect is passed on and never followed', async () => {
  const { status, headers } = await visit({ port, host, path: '/redirect' });
  assert.equal(status, 301);
  assert.equal(headers.location, 'http://169.254.169.254/latest/meta-data/');
});

test('bodies of 499 kB pass unharmed in both directions', async () => {
  const sent = randomBytes(499_000);
  const { status, headers, body } = await visit({ port, host, path: '/hash', method: 'POST', body: sent });
  assert.equal(status, 200);
  assert.equal(headers['x-hash'], hashOf(sent));
  assert.equal(hashOf(body), hashOf(large));
});

test('a body that comes in chunks arrives whole', async () => {
  const sent = randomBytes(100_000);
  const headers = { 'Transfer-Encoding': 'chunked' };
  const answer = await visit({ port, host, path: '/hash', method: 'POST', body: sent, headers });
  assert.equal(answer.headers['x-hash'], hashOf(sent));
});

test('path and query arrive as the visitor wrote them', async () => {
  const path = "/a%2Fb//c%20d/%E2%82%AC/..;x/(1)'!*?q=%2F&name=a+b&empty=&x=1?2";
  assert.equal(echoed(await visit({ port, host, path })).url, path);
});

test('two slashes at the start of a path do not name another host', async () => {
  const seen = echoed(await visit({ port, host, path: '//evil.test/x' }));
  assert.equal(seen.url, '//evil.test/x');
  assert.equal(seen.headers['host'], `localhost:${origin.port}`);
});

test('field values in UTF-8 pass in both directions', async () => {
  const seen = echoed(await visit({ port, host, headers: { 'X-Greeting': utf8Field('grüß gott €') } }));
  assert.equal(Buffer.from(seen.headers['x-greeting'] ?? '', 'latin1').toString('utf8'), 'grüß gott €');
  const { headers } = await visit({ port, host, path: '/name' });
  assert.equal(Buffer.from(String(headers['x-name']), 'latin1').toString('utf8'), 'Žluťoučký kůň 🐴');
});

test('field lines of one name are joined', async () => {
  const headers = { 'X-Multi': ['one', 'two', 'three'], Cookie: ['a=1', 'b=2'] };
  const seen = echoed(await visit({ port, host, headers }));
  assert.equal(seen.headers['x-multi'], 'one, two, three');
  assert.equal(seen.headers['cookie'], 'a=1; b=2');
});

test('the service is asked under its own name unless told otherwise, and always told the public one', async () => {
  const seen = echoed(await visit({ port, host }));
  assert.equal(seen.headers['host'], `localhost:${origin.port}`);
  assert.equal(seen.headers['x-forwarded-host'], host);
  assert.equal(seen.headers['x-forwarded-proto'], 'http');
  assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1');
});

test('--host-header chooses what the service is asked under', async (t) => {
  const wanted = { preserve: (name: string) => name, 'shop.test:81': () => 'shop.test:81' };
  for (const [setting, expected] of Object.entries(wanted)) {
    const agent = await startAgent(t, ['--hub', hub.url, '--host-header', setting, String(origin.port)]);
    const asked = `${agent.hostname}:${port}`;
    const seen = echoed(await visit({ port, host: asked }));
    assert.equal(seen.headers['host'], expected(asked));
    assert.equal(seen.headers['x-forwarded-host'], asked);
  }
});
