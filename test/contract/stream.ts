import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { fieldList, fieldValue } from '#internal/http1/fields';
import type { RequestHead } from '#internal/http1/head';
import type { AcceptedStream, AcceptStream, StreamOpener } from '#internal/link/stream';
import { RecordedResponse } from '../support/recorded-response.ts';
import { getHead, responseHead, silentHandler, streamOrigin } from '../support/stream-origin.ts';
import { streamEndContract } from './stream-ends.ts';
import { streamUpgradeContract } from './stream-upgrade.ts';

/** Two ends of one session: `opener` at the hub, `accept` at the agent. `close` loses the link between them. */
export type ConnectPair = (t: TestContext, accept: AcceptStream) => Promise<{ opener: StreamOpener; close(): void }>;

/** What every wire promises of its streams. */
export function streamContract(wire: string, connectPair: ConnectPair): void {
  const ask = async (t: TestContext, accept: AcceptStream, head: RequestHead, body?: Buffer) => {
    const { opener } = await connectPair(t, accept);
    const response = new RecordedResponse();
    const stream = opener.open(head, response);
    response.onData = (chunk) => stream.consumed(chunk.length);
    if (body) {
      const buffer = Buffer.from(body);
      stream.write(buffer);
      // A buffer that was written may be used again.
      buffer.fill(0);
    }
    stream.end();
    await response.done;
    assert.deepEqual(response.strays, []);
    return response;
  };

  test(`${wire}: a request's head and body arrive, and so do the answer's`, async (t) => {
    const seen: { head: RequestHead; body: string }[] = [];
    const origin = streamOrigin((head, body) => {
      seen.push({ head, body: body.toString() });
      return {
        status: 201,
        fields: ['Content-Type', 'text/plain', 'Content-Length', '6'],
        body: Buffer.from('answer'),
      };
    });
    const fields = ['Content-Type', 'application/json', 'Content-Length', '8', 'X-Token', 'a b'];
    const head = { method: 'POST', target: '/a%2Fb/c?x=1&y=%20', fields };
    const response = await ask(t, origin, head, Buffer.from('question'));
    assert.equal(seen.length, 1);
    assert.equal(seen[0]?.body, 'question');
    assert.equal(seen[0]?.head.method, 'POST');
    assert.equal(seen[0]?.head.target, '/a%2Fb/c?x=1&y=%20');
    assert.equal(fieldValue(seen[0]?.head.fields ?? [], 'content-type'), 'application/json');
    assert.equal(fieldValue(seen[0]?.head.fields ?? [], 'content-length'), '8');
    assert.equal(fieldValue(seen[0]?.head.fields ?? [], 'x-token'), 'a b');
    assert.equal(response.status, 201);
    assert.equal(response.field('content-type'), 'text/plain');
    assert.equal(response.field('content-length'), '6');
    assert.equal(response.body.toString(), 'answer');
  });

  test(`${wire}: bytes of every value pass both ways unchanged`, async (t) => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31) % 256));
    const response = await ask(
      t,
      streamOrigin((_, body) => ({ body })),
      { method: 'PUT', target: '/', fields: ['Content-Length', String(bytes.length)] },
      bytes,
    );
    assert.ok(response.body.equals(bytes));
  });

  for (const status of [200, 201, 204, 301, 304, 404, 418, 500, 503, 599]) {
    test(`${wire}: status ${status} passes`, async (t) => {
      const response = await ask(
        t,
        streamOrigin(() => ({ status, fields: ['X-Kept', 'yes'] })),
        getHead(),
      );
      assert.equal(response.status, status);
      assert.equal(response.field('x-kept'), 'yes');
      assert.equal(response.body.length, 0);
      assert.ok(response.isEnded);
    });
  }

  test(`${wire}: a field of several lines keeps all its values in order, both ways`, async (t) => {
    const lists: string[] = [];
    const origin = streamOrigin(({ fields }) => {
      lists.push(fieldList(fields, 'x-multi'));
      return {
        fields: ['Vary', 'Accept', 'X-Between', '1', 'Vary', 'Origin', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'],
      };
    });
    const response = await ask(t, origin, getHead('/', ['X-Multi', '1', 'Accept', '*/*', 'x-multi', '2']));
    assert.deepEqual(lists, ['1, 2']);
    assert.equal(fieldList(response.final?.fields ?? [], 'vary'), 'Accept, Origin');
    assert.equal(response.field('set-cookie'), 'a=1');
  });

  test(`${wire}: field values outside ASCII keep their bytes`, async (t) => {
    const value = Buffer.from('café ✓').toString('latin1');
    const seen: (string | undefined)[] = [];
    const origin = streamOrigin(({ fields }) => {
      seen.push(fieldValue(fields, 'x-name'));
      return { fields: ['X-Name', value] };
    });
    const response = await ask(t, origin, getHead('/', ['X-Name', value]));
    assert.deepEqual(seen, [value]);
    assert.equal(response.field('x-name'), value);
  });

  test(`${wire}: a request and an answer may have no body`, async (t) => {
    const lengths: number[] = [];
    const origin = streamOrigin((_, body) => {
      lengths.push(body.length);
      return { fields: ['Content-Length', '0'] };
    });
    const response = await ask(t, origin, getHead());
    assert.deepEqual(lengths, [0]);
    assert.equal(response.body.length, 0);
    assert.equal(response.field('content-length'), '0');
    assert.ok(response.isEnded);
  });

  test(`${wire}: the answer to HEAD keeps the length of what GET would give, without a body`, async (t) => {
    const origin = streamOrigin(() => ({ fields: ['Content-Length', '1234'] }));
    const response = await ask(t, origin, { method: 'HEAD', target: '/', fields: [] });
    assert.equal(response.field('content-length'), '1234');
    assert.equal(response.body.length, 0);
    assert.ok(response.isEnded);
  });

  test(`${wire}: many streams at once each get their own answer`, async (t) => {
    const { opener } = await connectPair(
      t,
      streamOrigin(({ target }, body) => ({ body: Buffer.from(`${target} ${body.toString()}`) })),
    );
    const responses = Array.from({ length: 100 }, (_, i) => {
      const response = new RecordedResponse();
      const stream = opener.open({ method: 'POST', target: `/${i}`, fields: [] }, response);
      stream.write(Buffer.from(`body ${i}`));
      stream.end();
      return response;
    });
    await Promise.all(responses.map(({ done }) => done));
    assert.deepEqual(
      responses.map(({ body }) => body.toString()),
      Array.from({ length: 100 }, (_, i) => `/${i} body ${i}`),
    );
  });

  test(`${wire}: a body in many pieces arrives whole, with back-pressure obeyed at both ends`, async (t) => {
    const piece = Buffer.alloc(4_096, 'x');
    const count = 100;
    const origin: AcceptStream = (_, stream) => {
      let byteCount = 0;
      const answer = sender(stream, piece, count);
      return {
        ...silentHandler,
        data(chunk) {
          byteCount += chunk.length;
          stream.consumed(chunk.length);
        },
        ended() {
          stream.head(responseHead(200, ['X-Received', String(byteCount), 'Content-Length', String(count * 4_096)]));
          answer();
        },
        drained: answer,
      };
    };
    const { opener } = await connectPair(t, origin);
    const response = new RecordedResponse();
    const stream = opener.open({ method: 'POST', target: '/', fields: ['Content-Length', '409600'] }, response);
    const send = sender(stream, piece, count);
    response.drained = send;
    response.onData = (chunk) => stream.consumed(chunk.length);
    send();
    await response.done;
    assert.equal(response.field('x-received'), '409600');
    assert.equal(response.body.length, 409_600);
    // Late calls of either end must find nothing to break.
    stream.consumed(1);
    stream.stop();
    stream.reset(new AditError('ADIT_VISITOR_GONE', 'the visitor has left'));
    assert.deepEqual(response.strays, []);
    assert.equal(response.error, undefined);
  });

  streamEndContract(wire, connectPair);
  streamUpgradeContract(wire, connectPair);
}

/** Gives a function that sends pieces until it is asked to wait, and goes on where it was when called again. */
function sender(stream: Pick<AcceptedStream, 'write' | 'end'>, piece: Buffer, count: number): () => void {
  let left = count;
  return () => {
    if (left === 0) return;
    while (left > 0) {
      left -= 1;
      if (!stream.write(piece)) break;
    }
    if (left === 0) stream.end();
  };
}
