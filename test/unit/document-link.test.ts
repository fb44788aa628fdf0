import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TextLinkHandler } from '#internal/link/text-link';
import { DocumentLink } from '#internal/link/v1/document-link';
import { limits } from '#messages/limits';
import type { V1Document } from '#messages/v1';
import { FakeClock } from '../support/fake-clock.ts';
import { documentOf } from '../support/peer.ts';

const id = '0b6f6a0e-5f0a-4d6e-9a3c-2f1f5a7a9b10';

/** A document link over a connection that writes down what is asked of it. */
function linked() {
  const clock = new FakeClock();
  const calls: string[] = [];
  const documents: V1Document[] = [];
  const state = { receivedBytes: 0 };
  let handler: TextLinkHandler | undefined;
  const link = new DocumentLink(
    clock,
    {
      document: (document) => documents.push(document),
      malformed: (error) => calls.push(`malformed: ${error.message}`),
      quiet: () => calls.push('quiet'),
      closed: (code, reason) => calls.push(`closed ${code} ${reason}`),
    },
    (listener) => {
      handler = listener;
      return {
        send: () => calls.push('send'),
        ping: () => calls.push('ping'),
        close: (code) => calls.push(`close ${code}`),
        destroy: () => calls.push('destroy'),
        queuedBytes: 7,
        get receivedBytes() {
          return state.receivedBytes;
        },
      };
    },
  );
  assert.ok(handler);
  return { clock, calls, documents, state, link, far: handler };
}

/** What was done but for asking for signs of life, which goes on beside it. */
function deeds({ calls }: ReturnType<typeof linked>): string[] {
  return calls.filter((call) => call !== 'ping');
}

/** Lets seconds pass in which bytes arrive, so that the other side counts as alive. */
function passHeard({ clock, state }: ReturnType<typeof linked>, seconds: number): void {
  for (let i = 0; i < seconds; i += 1) {
    state.receivedBytes += 1;
    clock.advance(1_000);
  }
}

test('after 10 s without sending anything the link is quiet, and again after 10 more', () => {
  const all = linked();
  passHeard(all, 9);
  assert.deepEqual(deeds(all), []);
  passHeard(all, 1);
  assert.deepEqual(deeds(all), ['quiet']);
  passHeard(all, 9);
  assert.deepEqual(deeds(all), ['quiet']);
  passHeard(all, 1);
  assert.deepEqual(deeds(all), ['quiet', 'quiet']);
});

test('a link that sends is never quiet', () => {
  const all = linked();
  for (let i = 0; i < 10; i += 1) {
    passHeard(all, 9);
    all.link.send({ type: 'ws-teardown', id });
  }
  assert.deepEqual(deeds(all), new Array(10).fill('send'));
});

test('what is heard does not make up for what is not sent', () => {
  const all = linked();
  for (let i = 0; i < 10; i += 1) {
    all.far.text(documentOf('ws-teardown'));
    passHeard(all, 1);
  }
  assert.deepEqual(deeds(all), ['quiet']);
});

test('after 10 s without hearing anything it asks for a sign of life', () => {
  const { clock, calls, link } = linked();
  clock.advance(9_000);
  link.send({ type: 'ws-teardown', id });
  assert.deepEqual(calls, ['send']);
  clock.advance(1_000);
  assert.deepEqual(calls, ['send', 'ping']);
});

test('silence ends the connection within 20 s, once', () => {
  const { clock, calls } = linked();
  clock.advance(17_000);
  assert.equal(calls.includes('destroy'), false);
  clock.advance(1_000);
  assert.equal(calls.at(-1), 'destroy');
  clock.advance(60_000);
  assert.equal(calls.filter((call) => call === 'destroy').length, 1);
});

test('sending does not make up for silence', () => {
  const { clock, calls, link } = linked();
  for (let second = 0; second < 18; second += 1) {
    link.send({ type: 'ws-teardown', id });
    clock.advance(1_000);
  }
  assert.equal(calls.at(-1), 'destroy');
});

test('any byte that arrives is life, though it is no message', () => {
  const all = linked();
  for (let i = 0; i < 10; i += 1) {
    all.clock.advance(17_000);
    passHeard(all, 1);
  }
  assert.equal(all.calls.includes('destroy'), false);
  // It counts from the last byte on.
  all.clock.advance(17_000);
  assert.equal(all.calls.includes('destroy'), false);
  all.clock.advance(1_000);
  assert.equal(all.calls.at(-1), 'destroy');
});

test('no timer is left after the end', () => {
  const { clock, calls, link, far } = linked();
  assert.equal(clock.pendingCount, 1);
  far.closed(1000, 'goodbye');
  assert.equal(clock.pendingCount, 0);
  assert.equal(link.isClosed, true);
  assert.deepEqual(calls, ['closed 1000 goodbye']);
});

test('no timer is left after silence either', () => {
  const { clock } = linked();
  clock.advance(20_000);
  assert.equal(clock.pendingCount, 0);
});

test('documents arrive in order, unknown ones stay behind and malformed ones are told', () => {
  const { far, documents, calls } = linked();
  far.text(documentOf('ws-teardown', { '@id': 'a' }));
  far.text(documentOf('later'));
  far.text('go away');
  far.text(documentOf('ws-teardown', { '@id': 'b' }));
  assert.deepEqual(documents, [
    { type: 'ws-teardown', id: 'a' },
    { type: 'ws-teardown', id: 'b' },
  ]);
  assert.deepEqual(calls, ['malformed: message is not a JSON document']);
});

test('what comes after the end is not read', () => {
  const { far, documents } = linked();
  far.closed(1006, '');
  far.text(documentOf('ws-teardown'));
  assert.deepEqual(documents, []);
});

test('a document that is too large is not sent, whatever its letters', () => {
  const { link, calls } = linked();
  const message = (body: string): V1Document => ({ type: 'ws-message', id, messageType: 1, body });
  assert.equal(link.send(message('x'.repeat(limits.v1Document))), false);
  assert.equal(link.send(message('ž'.repeat(limits.v1Document / 2))), false);
  assert.equal(link.send(message('€'.repeat(limits.v1Document / 3))), false);
  assert.deepEqual(calls, []);
  assert.equal(link.send(message('x'.repeat(limits.v1Document - 500))), true);
  assert.deepEqual(calls, ['send']);
});
