import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebsocketWay } from '#internal/hub/edge/way';
import { closeFrame, WebsocketFrames } from '#internal/hub/edge/websocket-frames';

/** A frame whose payload looks like headers of other frames. */
function frame(length: number, { opcode = 2, isMasked = false, isLast = true, form = 0 } = {}): Buffer {
  const isWide = form === 10 || length > 65_535;
  const isMiddle = !isWide && (form === 4 || length > 125);
  const header = Buffer.alloc(isWide ? 10 : isMiddle ? 4 : 2);
  header[0] = (isLast ? 0x80 : 0) | opcode;
  header[1] = (isMasked ? 0x80 : 0) | (isWide ? 127 : isMiddle ? 126 : length);
  if (isWide) header.writeBigUInt64BE(BigInt(length), 2);
  else if (isMiddle) header.writeUInt16BE(length, 2);
  return Buffer.concat([header, Buffer.alloc(isMasked ? 4 : 0, 0x88), Buffer.alloc(length, 0x88)]);
}

const frames: Record<string, Buffer> = {
  'an empty one': frame(0),
  'an empty one that is masked': frame(0, { isMasked: true }),
  'a short one': frame(5),
  'the longest short one': frame(125, { isMasked: true }),
  'one with a length of 16 bits': frame(126, { isMasked: true }),
  'one with a length of 64 bits': frame(65_536),
  'lengths in more bits than they need': Buffer.concat([frame(3, { form: 4 }), frame(0, { form: 10, isMasked: true })]),
  'fragments with a ping between them': Buffer.concat([
    frame(2, { isLast: false }),
    frame(1, { opcode: 9 }),
    frame(2, { opcode: 0 }),
  ]),
};

test('frames are followed, however they are split into chunks', () => {
  for (const [what, bytes] of Object.entries(frames)) {
    const splits = bytes.length < 1_000 ? bytes.length : 20;
    for (let first = 0; first <= splits; first += 1) {
      for (let second = first; second <= Math.min(splits, first + 16); second += 1) {
        const walk = new WebsocketFrames();
        walk.follow(bytes.subarray(0, first));
        walk.follow(bytes.subarray(first, second));
        walk.follow(bytes.subarray(second));
        assert.equal(walk.isInFrame, false, `${what}, split at ${first} and ${second}`);
        assert.equal(walk.hasClosed, false);
      }
    }
  }
});

test('a frame that is not whole is known as such at every byte', () => {
  for (const bytes of [frame(0), frame(5), frame(300, { isMasked: true })]) {
    const walk = new WebsocketFrames();
    for (let at = 0; at < bytes.length; at += 1) {
      assert.equal(walk.isInFrame, at > 0, `${at} of ${bytes.length}`);
      walk.follow(bytes.subarray(at, at + 1));
    }
    assert.equal(walk.isInFrame, false);
  }
});

test('nothing is read behind a close frame', () => {
  const walk = new WebsocketFrames();
  walk.follow(Buffer.concat([frame(3), closeFrame(1000, '', { isMasked: false }), Buffer.from([0x82, 9, 1])]));
  assert.deepEqual([walk.hasClosed, walk.isInFrame], [true, false]);
});

test('a close frame carries its code and its reason, masked towards a server', () => {
  assert.equal(closeFrame(1012, 'ok', { isMasked: false }).toString('hex'), '880403f46f6b');
  const masked = closeFrame(1001, 'away', { isMasked: true });
  assert.deepEqual([masked[0], masked[1]], [0x88, 0x86]);
  const mask = masked.subarray(2, 6);
  const payload = Buffer.from(masked.subarray(6).map((byte, i) => byte ^ (mask[i % 4] as number)));
  assert.deepEqual([payload.readUInt16BE(), payload.toString('latin1', 2)], [1001, 'away']);
});

/** A way to a visitor, and what came out of it. */
function recordedWay(): { way: WebsocketWay; sent: () => Buffer; ends: () => number } {
  const chunks: Buffer[] = [];
  let endCount = 0;
  const out = {
    write: (chunk: Buffer) => void chunks.push(chunk),
    end: () => {
      endCount += 1;
    },
  };
  return {
    way: new WebsocketWay(out, { isMasked: false }),
    sent: () => Buffer.concat(chunks),
    ends: () => endCount,
  };
}

const goodbye = closeFrame(1012, 'bye', { isMasked: false });

test('a websocket is closed between two frames, wherever the close falls', () => {
  const bytes = Buffer.concat([frame(3), frame(200)]);
  for (let at = 0; at <= bytes.length; at += 1) {
    const { way, sent, ends } = recordedWay();
    way.write(bytes.subarray(0, at));
    way.close(1012, 'bye');
    way.write(bytes.subarray(at));
    way.write(frame(1));
    way.end();
    const whole = at === 0 ? 0 : at <= 5 ? 5 : bytes.length;
    assert.deepEqual(sent(), Buffer.concat([bytes.subarray(0, whole), goodbye]), `closed at ${at}`);
    assert.equal(ends(), 1);
  }
});

test('a websocket that has closed itself gets no second close frame', () => {
  const { way, sent, ends } = recordedWay();
  const own = closeFrame(4000, '', { isMasked: false });
  way.write(own);
  assert.equal(ends(), 0);
  way.close(1012, 'bye');
  assert.deepEqual([sent(), ends()], [own, 1]);
});

test('a websocket that ends within a frame is ended there', () => {
  const { way, sent, ends } = recordedWay();
  way.write(frame(9).subarray(0, 4));
  way.close(1012, 'bye');
  way.end();
  way.write(Buffer.from('late'));
  assert.deepEqual([sent().length, ends()], [4, 1]);
});
