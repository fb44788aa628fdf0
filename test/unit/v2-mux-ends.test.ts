import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import type { AcceptedStream, Stream } from '#internal/link/stream';
import { frameTypes } from '#messages/v2';
import { RecordedResponse } from '../support/recorded-response.ts';
import { getHead, responseHead, silentHandler } from '../support/stream-origin.ts';
import { frame, isUntouched, LoneMux, openFrame } from '../support/v2-wire.ts';

const gone = new AditError('ADIT_VISITOR_GONE', 'the visitor has left');

type Action = (stream: Stream, carry: () => Promise<void>) => void | Promise<void>;

const actions: Record<string, Action> = {
  end: (stream) => stream.end(),
  'write and end': (stream) => {
    stream.write(Buffer.alloc(100_000));
    stream.end();
  },
  'stop, end': (stream) => {
    stream.stop();
    stream.end();
  },
  'end, stop': (stream) => {
    stream.end();
    stream.stop();
  },
  'write, stop, end': (stream) => {
    stream.write(Buffer.alloc(300_000));
    stream.stop();
    stream.end();
  },
  'stop, then end after it has arrived': async (stream, carry) => {
    stream.stop();
    await carry();
    stream.end();
  },
  reset: (stream) => stream.reset(gone),
  'stop, reset': (stream) => {
    stream.stop();
    stream.reset(gone);
  },
  'end, reset': (stream) => {
    stream.end();
    stream.reset(gone);
  },
  'write, reset, write, end, stop': (stream) => {
    stream.write(Buffer.alloc(200_000));
    stream.reset(gone);
    stream.write(Buffer.alloc(1));
    stream.end();
    stream.stop();
  },
};

/** Two muxes, and what carries between them what each has sent since. */
function pair() {
  const accepted: AcceptedStream[] = [];
  const hub = new LoneMux();
  const agent = new LoneMux({
    side: 'agent',
    accept: (_tunnel, _head, stream) => {
      accepted.push(stream);
      return { ...silentHandler, data: ({ length }) => stream.consumed(length) };
    },
  });
  const carry = async (): Promise<void> => {
    for (let quiet = 0; quiet < 2; quiet += 1) {
      await hub.settle();
      await agent.settle();
      const [down, up] = [hub.takeFrames(), agent.takeFrames()];
      if (down.length + up.length > 0) quiet = -1;
      agent.receive(down);
      hub.receive(up);
    }
  };
  return { hub, agent, accepted, carry };
}

for (const [hubDoes, hubAction] of Object.entries(actions)) {
  for (const [agentDoes, agentAction] of Object.entries(actions)) {
    for (const isAnswered of [true, false]) {
      const answered = isAnswered ? 'an answered' : 'an unanswered';
      test(`v2 mux: of ${answered} stream nothing is left when hub (${hubDoes}) and agent (${agentDoes}) cross`, async () => {
        const { hub, agent, accepted, carry } = pair();
        const response = new RecordedResponse();
        const stream = hub.mux.open(0, getHead(), 30_000, response);
        response.onData = ({ length }) => stream.consumed(length);
        await carry();
        const [far] = accepted as [AcceptedStream];
        if (isAnswered) far.head(responseHead(200));
        const done = [hubAction(stream, carry), agentAction(far, carry)];
        await Promise.all(done);
        await carry();
        assert.equal(hub.mux.streamCount, 0);
        assert.equal(agent.mux.streamCount, 0);
        assert.ok(isUntouched(hub.budget) && isUntouched(agent.budget));
        assert.deepEqual(response.strays, []);
        assert.equal(hub.idleCount, 1);
      });
    }
  }
}

/** Calls that a handler may fail in, and the frames that lead there. */
const head = frame(frameTypes.head, 1, 'HTTP/1.1 200 OK\r\n\r\n');
const calls: Record<string, Buffer[]> = {
  head: [head],
  data: [head, frame(frameTypes.data, 1, 'body')],
  ended: [head, frame(frameTypes.end, 1)],
  stopped: [frame(frameTypes.stop, 1)],
  reset: [frame(frameTypes.reset, 1, 'ADIT_ORIGIN_FAILED\nwhy')],
  drained: [],
};

for (const [call, frames] of Object.entries(calls)) {
  for (const isHopeless of [false, true]) {
    const how = isHopeless ? `\`${call}\` and in \`reset\`` : `\`${call}\``;
    test(`v2 mux: a handler that throws in ${how} costs its stream only`, async () => {
      const fail = (): void => {
        throw new Error('a mistake of ours');
      };
      const lone = new LoneMux();
      const [broken, sound] = [new RecordedResponse(), new RecordedResponse()];
      Object.assign(broken, { [call]: fail }, isHopeless ? { reset: fail } : {});
      const stream = lone.mux.open(0, getHead(), 30_000, broken);
      lone.mux.open(0, getHead(), 30_000, sound);
      await lone.settle();
      if (call === 'drained') {
        lone.link.isWritable = false;
        stream.write(Buffer.alloc(300_000));
        await lone.settle();
        lone.link.isWritable = true;
        lone.receive([frame(frameTypes.credit, 1, Buffer.from([0, 0, 0, 0xff, 0, 0]))]);
        await lone.settle();
        lone.receive([]);
      } else lone.receive(frames);
      await lone.settle();
      lone.receive([frame(frameTypes.head, 3, 'HTTP/1.1 200 OK\r\n\r\n'), frame(frameTypes.data, 3, 'sound')]);
      assert.equal(sound.body.toString(), 'sound');
      assert.equal(lone.mux.streamCount, 1);
      if (call !== 'reset') {
        assert.ok(lone.order.includes('reset:1'), 'the other end is told');
        assert.equal(isHopeless ? undefined : broken.error?.code, isHopeless ? undefined : 'ADIT_INTERNAL');
      }
    });
  }
}

test('v2 mux: when a mux closes every stream is told, also when one of them throws', () => {
  const lone = new LoneMux();
  const broken = new RecordedResponse();
  broken.reset = () => {
    throw new Error('a mistake of ours');
  };
  const sound = new RecordedResponse();
  lone.mux.open(0, getHead(), 30_000, broken);
  lone.mux.open(0, getHead(), 30_000, sound);
  lone.mux.close(gone);
  assert.equal(sound.error, gone);
  assert.equal(lone.mux.streamCount, 0);
});

test('v2 mux: an accepter that throws or sends too long a head costs its stream only', async () => {
  const lone = new LoneMux({
    side: 'agent',
    accept: (_tunnel, { target }, stream) => {
      if (target === '/throws') throw new Error('a mistake of ours');
      if (target === '/long') stream.head(responseHead(200, ['X-Long', 'x'.repeat(60_000)]));
      return silentHandler;
    },
  });
  lone.receive([
    openFrame(1, 'GET /throws HTTP/1.1\r\n\r\n'),
    openFrame(3, 'GET /long HTTP/1.1\r\n\r\n'),
    openFrame(5),
  ]);
  await lone.settle();
  assert.deepEqual(lone.order, ['reset:1', 'reset:3']);
  assert.equal(lone.mux.streamCount, 1);
});

test('v2 mux: a request head that is too long is refused, and the other end hears nothing of it', async () => {
  const lone = new LoneMux();
  const response = new RecordedResponse();
  const stream = lone.mux.open(0, getHead('/', ['X-Long', 'x'.repeat(60_000)]), 30_000, response);
  stream.write(Buffer.from('body'));
  stream.end();
  await lone.settle();
  assert.equal(response.error?.code, 'ADIT_HEAD_TOO_LARGE');
  assert.deepEqual(lone.order, []);
  assert.equal(lone.mux.streamCount, 0);
});
