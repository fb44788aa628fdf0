import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { fieldValue } from '#internal/http1/fields';
import type { RequestHead } from '#internal/http1/head';
import { RecordedResponse } from '../support/recorded-response.ts';
import { dialWebSocket, websocketOrigin } from '../support/stream-websockets.ts';
import type { ConnectPair } from './stream.ts';

/** What every wire promises of a stream that is upgraded to a websocket. */
export function streamUpgradeContract(wire: string, connectPair: ConnectPair): void {
  test(`${wire}: 1,000 websocket messages come back in order`, async (t) => {
    const { opener } = await connectPair(
      t,
      websocketOrigin((websocket) => websocket.on('message', (data) => websocket.send(`echo:${String(data)}`))),
    );
    const websocket = dialWebSocket(opener, { target: '/chat?room=1' });
    await once(websocket, 'open');
    const received: string[] = [];
    const all = new Promise<void>((resolve) => {
      websocket.on('message', (data) => {
        received.push(String(data));
        if (received.length === 1_000) resolve();
      });
    });
    const texts = Array.from({ length: 1_000 }, (_, i) => `ünïcode ✓ ${i}`);
    for (const text of texts) websocket.send(text);
    await all;
    assert.deepEqual(
      received,
      texts.map((text) => `echo:${text}`),
    );
    websocket.close(1000);
    await once(websocket, 'close');
  });

  test(`${wire}: a websocket's target and fields reach the origin`, async (t) => {
    const seen: RequestHead[] = [];
    const { opener } = await connectPair(
      t,
      websocketOrigin((_, head) => seen.push(head)),
    );
    const websocket = dialWebSocket(opener, {
      target: '/ws?x=1',
      fields: ['Origin', 'http://x.test', 'Cookie', 'a=1'],
    });
    await once(websocket, 'open');
    assert.equal(seen[0]?.target, '/ws?x=1');
    assert.equal(fieldValue(seen[0]?.fields ?? [], 'origin'), 'http://x.test');
    assert.equal(fieldValue(seen[0]?.fields ?? [], 'cookie'), 'a=1');
  });

  test(`${wire}: a binary message of UTF-8 stays binary`, async (t) => {
    const { opener } = await connectPair(
      t,
      websocketOrigin((websocket) => websocket.on('message', (data, binary) => websocket.send(data, { binary }))),
    );
    const websocket = dialWebSocket(opener);
    await once(websocket, 'open');
    websocket.send(Buffer.from('bytes ✓'));
    const [data, isBinary] = await once(websocket, 'message');
    assert.equal(String(data), 'bytes ✓');
    assert.equal(isBinary, true);
  });

  test(`${wire}: the first subprotocol offered is answered when there is one`, async (t) => {
    const { opener } = await connectPair(
      t,
      websocketOrigin(() => undefined),
    );
    const websocket = dialWebSocket(opener, { protocols: ['chat.v2', 'chat.v1'] });
    await once(websocket, 'open');
    assert.equal(websocket.protocol, 'chat.v2');
  });

  test(`${wire}: when the origin closes its websocket the visitor's closes too`, async (t) => {
    const { opener } = await connectPair(
      t,
      websocketOrigin((websocket) => websocket.on('message', () => websocket.close(1000))),
    );
    const websocket = dialWebSocket(opener);
    await once(websocket, 'open');
    websocket.send('close, please');
    const [code] = await once(websocket, 'close');
    assert.equal(code, 1000);
  });

  test(`${wire}: when the visitor closes its websocket the origin's closes too`, async (t) => {
    let hasClosed: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      hasClosed = resolve;
    });
    const { opener } = await connectPair(
      t,
      websocketOrigin((websocket) => websocket.once('close', () => hasClosed())),
    );
    const websocket = dialWebSocket(opener);
    await once(websocket, 'open');
    websocket.close(1000);
    await Promise.all([once(websocket, 'close'), closed]);
  });

  test(`${wire}: a websocket that the origin refuses never opens`, async (t) => {
    const { opener } = await connectPair(t, (_, stream) => {
      setImmediate(() => stream.reset(new AditError('ADIT_ORIGIN_UNREACHABLE', 'nothing answers at localhost:1')));
      const ignore = (): void => undefined;
      return { data: ignore, ended: ignore, drained: ignore, stopped: ignore, reset: ignore };
    });
    const response = new RecordedResponse();
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    const fields = ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'];
    opener.open({ method: 'GET', target: '/', fields: [...fields, 'Sec-WebSocket-Key', key] }, response);
    await response.done;
    assert.notEqual(response.status, 101);
    assert.equal(response.error?.message, 'nothing answers at localhost:1');
  });

  test(`${wire}: losing the link closes open websockets at both ends`, async (t) => {
    let hasClosed: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      hasClosed = resolve;
    });
    const { opener, close } = await connectPair(
      t,
      websocketOrigin((websocket) => websocket.once('close', () => hasClosed())),
    );
    const websocket = dialWebSocket(opener);
    await once(websocket, 'open');
    close();
    await Promise.all([once(websocket, 'close'), closed]);
  });
}
