import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import type { AcceptedStream } from '#internal/link/stream';
import { limits } from '#messages/limits';
import { RecordedResponse } from '../support/recorded-response.ts';
import { getHead, responseHead, silentHandler, streamOrigin } from '../support/stream-origin.ts';
import type { ConnectPair } from './stream.ts';

/** What every wire promises of streams that end before their time. */
export function streamEndContract(wire: string, connectPair: ConnectPair): void {
  test(`${wire}: a reset by the agent ends only that stream, and its code arrives`, async (t) => {
    const { opener } = await connectPair(t, (head, stream) => {
      if (head.target === '/sound') return streamOrigin(() => ({ body: Buffer.from('sound') }))(head, stream);
      return {
        ...silentHandler,
        ended: () => stream.reset(new AditError('ADIT_ORIGIN_UNREACHABLE', 'nothing answers at localhost:1')),
      };
    });
    const [failed, sound] = [new RecordedResponse(), new RecordedResponse()];
    opener.open(getHead('/failing'), failed).end();
    opener.open(getHead('/sound'), sound).end();
    await Promise.all([failed.done, sound.done]);
    assert.equal(failed.error?.code, 'ADIT_ORIGIN_UNREACHABLE');
    assert.equal(failed.error?.message, 'nothing answers at localhost:1');
    assert.equal(failed.final, undefined);
    assert.equal(sound.body.toString(), 'sound');
  });

  test(`${wire}: after a reset by the hub its handler hears nothing more, and other streams go on`, async (t) => {
    const waiting: AcceptedStream[] = [];
    let hasArrived: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => {
      hasArrived = resolve;
    });
    const { opener } = await connectPair(t, (head, stream) => {
      if (head.target === '/other') return streamOrigin(() => ({ body: Buffer.from('other') }))(head, stream);
      waiting.push(stream);
      hasArrived();
      return silentHandler;
    });
    const left = new RecordedResponse();
    const stream = opener.open(getHead('/left'), left);
    stream.end();
    await arrived;
    stream.reset(new AditError('ADIT_VISITOR_GONE', 'the visitor has left'));
    waiting[0]?.head(responseHead(200));
    waiting[0]?.write(Buffer.from('late'));
    waiting[0]?.end();
    const other = new RecordedResponse();
    opener.open(getHead('/other'), other).end();
    await other.done;
    assert.equal(other.body.toString(), 'other');
    assert.equal(left.final, undefined);
    assert.equal(left.error, undefined);
    assert.equal(left.isEnded, false);
  });

  test(`${wire}: a stream over the limit is refused by its handler's reset, with nothing thrown`, async (t) => {
    const { opener } = await connectPair(t, () => silentHandler);
    for (let i = 0; i < limits.streamCount; i += 1) opener.open(getHead(), new RecordedResponse());
    const refused = new RecordedResponse();
    const stream = opener.open(getHead(), refused);
    await refused.done;
    assert.equal(refused.error?.code, 'ADIT_TUNNEL_BUSY');
    stream.write(Buffer.from('ignored'));
    stream.end();
    stream.consumed(1);
    stream.stop();
    stream.reset(new AditError('ADIT_VISITOR_GONE', 'the visitor has left'));
    assert.deepEqual(refused.strays, []);
  });

  test(`${wire}: losing the link fails every open exchange and refuses new ones with ADIT_LINK_LOST`, async (t) => {
    const told: string[] = [];
    let hasAll: () => void = () => undefined;
    const all = new Promise<void>((resolve) => {
      hasAll = resolve;
    });
    let openCount = 0;
    const { opener, close } = await connectPair(t, () => {
      openCount += 1;
      if (openCount === 3) hasAll();
      return { ...silentHandler, reset: ({ code }) => told.push(code) };
    });
    const responses = Array.from({ length: 3 }, () => new RecordedResponse());
    for (const response of responses) opener.open(getHead(), response).end();
    await all;
    close();
    await Promise.all(responses.map(({ done }) => done));
    assert.deepEqual(
      responses.map(({ error }) => error?.code),
      ['ADIT_LINK_LOST', 'ADIT_LINK_LOST', 'ADIT_LINK_LOST'],
    );
    assert.equal(told.length, 3);
    const late = new RecordedResponse();
    opener.open(getHead(), late).end();
    await late.done;
    assert.equal(late.error?.code, 'ADIT_LINK_LOST');
    assert.deepEqual(late.strays, []);
  });
}
