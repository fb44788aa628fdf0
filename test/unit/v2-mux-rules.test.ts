import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import type { RequestHead } from '#internal/http1/head';
import { limits } from '#messages/limits';
import { frameTypes, V2Error } from '#messages/v2';
import { RecordedResponse } from '../support/recorded-response.ts';
import { getHead, responseHead, silentHandler } from '../support/stream-origin.ts';
import { creditFrame, type Frame, frame, isUntouched, LoneMux, openFrame } from '../support/v2-wire.ts';

const ok = 'HTTP/1.1 200 OK\r\n\r\n';

/** A hub's end with the stream 1, which has sent its request, and the stream 3, which must not suffer from it. */
async function hubWithTwo() {
  const lone = new LoneMux();
  const [response, other] = [new RecordedResponse(), new RecordedResponse()];
  const stream = lone.mux.open(0, getHead(), 30_000, response);
  lone.mux.open(0, getHead(), 30_000, other);
  await lone.settle();
  const assertOtherLives = (): void => {
    lone.receive([frame(frameTypes.head, 3, ok), frame(frameTypes.data, 3, 'sound')]);
    assert.equal(other.body.toString(), 'sound');
  };
  const resets = async (): Promise<Frame[]> => {
    await lone.settle();
    return lone.frames.filter(({ type }) => type === frameTypes.reset);
  };
  return { lone, stream, response, assertOtherLives, resets };
}

const badAnswers: Record<string, Buffer[]> = {
  'a body before the head': [frame(frameTypes.data, 1, 'body')],
  'a body after nothing but an interim head': [
    frame(frameTypes.head, 1, 'HTTP/1.1 103 Early Hints\r\n\r\n'),
    frame(frameTypes.data, 1, 'body'),
  ],
  'an end before the head': [frame(frameTypes.end, 1)],
  'a second final head': [frame(frameTypes.head, 1, ok), frame(frameTypes.head, 1, ok)],
  'an interim head after the final one': [
    frame(frameTypes.head, 1, ok),
    frame(frameTypes.head, 1, 'HTTP/1.1 103 Early Hints\r\n\r\n'),
  ],
  'a head after a 101': [
    frame(frameTypes.head, 1, 'HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    frame(frameTypes.head, 1, ok),
  ],
  'a head with a bare CR in a value': [frame(frameTypes.head, 1, 'HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n')],
  'a head with a bare LF in a value': [frame(frameTypes.head, 1, 'HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b=1\r\n\r\n')],
  'a head with NUL in a value': [frame(frameTypes.head, 1, 'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n')],
  'a head with bytes behind its empty line': [frame(frameTypes.head, 1, 'HTTP/1.1 200 OK\r\n\r\nX: y\r\n\r\n')],
  'a head without its empty line': [frame(frameTypes.head, 1, 'HTTP/1.1 200 OK\r\nX: y\r\n')],
  'a head with a folded line': [frame(frameTypes.head, 1, 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n')],
  'a head with a blank before the colon': [frame(frameTypes.head, 1, 'HTTP/1.1 200 OK\r\nX : a\r\n\r\n')],
  'a head with a reason that breaks the line': [frame(frameTypes.head, 1, 'HTTP/1.1 200 a\rb\r\n\r\n')],
  'status 99': [frame(frameTypes.head, 1, 'HTTP/1.1 99 X\r\n\r\n')],
  'status 099': [frame(frameTypes.head, 1, 'HTTP/1.1 099 X\r\n\r\n')],
  'status 600': [frame(frameTypes.head, 1, 'HTTP/1.1 600 X\r\n\r\n')],
  'status 1000': [frame(frameTypes.head, 1, 'HTTP/1.1 1000 X\r\n\r\n')],
  'HTTP/2.0': [frame(frameTypes.head, 1, 'HTTP/2.0 200 OK\r\n\r\n')],
  'no head at all': [frame(frameTypes.head, 1)],
  'too many field lines': [frame(frameTypes.head, 1, `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(1_001)}\r\n`)],
  'trailers that are not valid': [frame(frameTypes.head, 1, ok), frame(frameTypes.end, 1, 'not a field\r\n')],
  'trailers that end a head': [frame(frameTypes.head, 1, ok), frame(frameTypes.end, 1, 'A: b\r\n\r\nGET / HTTP/1.1')],
};

for (const [name, frames] of Object.entries(badAnswers)) {
  test(`v2 mux: ${name} costs its stream only, and both ends are told`, async () => {
    const { lone, response, assertOtherLives, resets } = await hubWithTwo();
    lone.receive(frames);
    assert.equal(response.error?.code, 'ADIT_AGENT_BAD_ANSWER');
    assert.equal(response.body.length, 0);
    assert.deepEqual(
      (await resets()).map(({ id }) => id),
      [1],
    );
    assertOtherLives();
    assert.equal(lone.mux.streamCount, 1);
  });
}

const violations: Record<string, Buffer> = {
  'more data than was granted': frame(frameTypes.data, 1, Buffer.alloc(limits.streamWindow + 1)).subarray(0),
  'a credit without a number': frame(frameTypes.credit, 1),
  'a credit of seven bytes': frame(frameTypes.credit, 1, Buffer.alloc(7)),
  'an unknown frame type': frame(0x08, 1),
  'an unknown frame type for a stream that is over': frame(0x7f, 99),
  'frame type 0': frame(0x00, 1),
  'frame type 0 for a stream that is over': frame(0x00, 99),
  'a head of more than 48 KiB': frame(frameTypes.head, 1, Buffer.alloc(limits.v2Head + 1, 'x')),
  'trailers of more than 48 KiB': frame(frameTypes.end, 1, Buffer.alloc(limits.v2Head + 1, 'x')),
  'an open with the number of our own side': openFrame(5),
  'an open with the number of an open stream': openFrame(1),
  'an open with the number 0': openFrame(0),
  'an open without its header': frame(frameTypes.open, 2, Buffer.alloc(6)),
  'a frame that is cut in its header': frame(frameTypes.data, 1).subarray(0, 7),
  'a frame that is longer than its batch': frame(frameTypes.data, 1, 'body').subarray(0, 11),
};

for (const [name, bytes] of Object.entries(violations)) {
  test(`v2 mux: ${name} breaks the rules of the wire`, async () => {
    const { lone } = await hubWithTwo();
    const half = Math.min(60_000, bytes.length);
    // More than a batch holds goes in two frames.
    if (name.startsWith('more data')) {
      lone.receive([frame(frameTypes.head, 1, ok), frame(frameTypes.data, 1, Buffer.alloc(half))]);
      assert.throws(() => lone.receive([frame(frameTypes.data, 1, Buffer.alloc(bytes.length - half))]), V2Error);
    } else assert.throws(() => lone.receive([bytes]), V2Error);
  });
}

test('v2 mux: frame types from 0x80 on are passed over', async () => {
  const { lone, response, assertOtherLives } = await hubWithTwo();
  lone.receive([frame(0x80, 1, 'what'), frame(0xff, 99, 'ever'), frame(frameTypes.head, 1, ok)]);
  assert.equal(response.status, 200);
  assertOtherLives();
});

test('v2 mux: what comes after the end is not passed on, and the session lives', async () => {
  const { lone, response, assertOtherLives } = await hubWithTwo();
  lone.receive([frame(frameTypes.head, 1, ok), frame(frameTypes.data, 1, 'body'), frame(frameTypes.end, 1)]);
  lone.receive([frame(frameTypes.data, 1, 'more'), frame(frameTypes.end, 1), frame(frameTypes.head, 1, ok)]);
  assert.equal(response.body.toString(), 'body');
  assert.deepEqual(response.strays, []);
  assertOtherLives();
});

test('v2 mux: after `stop` the other end is still held to what it was granted', async () => {
  const { lone, stream } = await hubWithTwo();
  stream.stop();
  lone.receive([frame(frameTypes.data, 1, Buffer.alloc(60_000))]);
  assert.throws(() => lone.receive([frame(frameTypes.data, 1, Buffer.alloc(6_000))]), V2Error);
});

test('v2 mux: a reset with a code that is not ours counts as a bad answer', async () => {
  for (const code of ['ADIT_USAGE', '__proto__', 'toString', '', 'ADIT_LINK_LOST\r']) {
    const { lone, response } = await hubWithTwo();
    lone.receive([frame(frameTypes.reset, 1, `${code}\nwhy`)]);
    assert.equal(response.error?.code, 'ADIT_AGENT_BAD_ANSWER', code);
    assert.equal(lone.mux.streamCount, 1);
  }
});

test('v2 mux: a hub takes no streams', async () => {
  const { lone, resets, assertOtherLives } = await hubWithTwo();
  const refusing = new LoneMux({
    accept: () => {
      throw new AditError('ADIT_BAD_REQUEST', 'none');
    },
  });
  refusing.receive([openFrame(2), openFrame(4)]);
  await refusing.settle();
  assert.deepEqual(refusing.order, ['reset:2', 'reset:4']);
  assert.equal(refusing.mux.streamCount, 0);
  assert.deepEqual(await resets(), []);
  lone.receive([]);
  assertOtherLives();
});

const badRequests: Record<string, Buffer> = {
  'a kind that is not known': openFrame(3, undefined, 1),
  'a head that is not HTTP': openFrame(3, 'hello'),
  'a head without a head': openFrame(3, ''),
  'a method with a blank': openFrame(3, 'GE T / HTTP/1.1\r\n\r\n'),
  'a target with a control character': openFrame(3, 'GET /\x01 HTTP/1.1\r\n\r\n'),
  'HTTP/1.0': openFrame(3, 'GET / HTTP/1.0\r\n\r\n'),
  'a second request behind it': openFrame(3, 'GET / HTTP/1.1\r\n\r\nGET /admin HTTP/1.1\r\n\r\n'),
  'a field line with a bare LF': openFrame(3, 'GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n'),
};

for (const [name, bytes] of Object.entries(badRequests)) {
  test(`v2 mux: an open with ${name} is refused, and other streams go on`, async () => {
    const seen: RequestHead[] = [];
    const lone = new LoneMux({
      side: 'agent',
      accept: (_tunnel, head, stream) => {
        seen.push(head);
        stream.head(responseHead(204));
        stream.end();
        return silentHandler;
      },
    });
    lone.receive([openFrame(1), bytes, frame(frameTypes.end, 1)]);
    await lone.settle();
    assert.equal(seen.length, 1);
    assert.deepEqual(lone.order, ['reset:3', 'head:1', 'end:1']);
    assert.equal(lone.mux.streamCount, 0);
    assert.ok(isUntouched(lone.budget));
  });
}

test('v2 mux: a stream over the limit is refused at either end', async () => {
  const hub = new LoneMux({ maxStreams: 1 });
  const [first, second] = [new RecordedResponse(), new RecordedResponse()];
  hub.mux.open(0, getHead(), 30_000, first);
  hub.mux.open(0, getHead(), 30_000, second);
  assert.equal(second.error?.code, 'ADIT_TUNNEL_BUSY');
  assert.equal(first.error, undefined);
  const agent = new LoneMux({ side: 'agent' });
  for (let i = 0; i <= limits.streamCount; i += 1) agent.receive([openFrame(2 * i + 1), creditFrame(2 * i + 1, 1)]);
  await agent.settle();
  assert.equal(agent.mux.streamCount, limits.streamCount);
  assert.deepEqual(agent.order, [`reset:${2 * limits.streamCount + 1}`]);
});
