import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { isBehind, writeCopy } from '#internal/core/write-copy';

test('what was written stays as it was, however its buffer is used again, and copies are used again once taken', () => {
  const socket = new SlowSocket();
  for (const byteCount of [10, 20_000, 65_536, 70_000]) {
    const bytes = Buffer.alloc(byteCount, 'a');
    writeCopy(socket, bytes);
    bytes.fill(0);
  }
  assert.ok(isBehind(socket));
  socket.takeAll();
  assert.deepEqual(
    socket.taken.map(({ length }) => length),
    [10, 20_000, 65_536, 70_000],
  );
  for (const taken of socket.taken) assert.ok(taken.equals(Buffer.alloc(taken.length, 'a')));
  const [, copy] = socket.buffers;
  socket.buffers.length = 0;
  writeCopy(socket, Buffer.alloc(40_000, 'b'));
  socket.takeAll();
  assert.equal(socket.buffers[0], copy);
});

test('a socket that is behind is given no more memory than the bytes take', () => {
  const socket = new SlowSocket();
  for (let i = 0; i < 3; i += 1) writeCopy(socket, Buffer.alloc(20_000));
  socket.takeAll();
  assert.deepEqual(
    socket.buffers.map(({ byteLength }) => byteLength),
    [65_536, 20_000, 20_000],
  );
});

/** Takes what is written when it is told to. */
class SlowSocket extends Writable {
  readonly taken: Buffer[] = [];
  readonly buffers: ArrayBufferLike[] = [];
  #done: (() => void) | undefined;
  #waiting: Buffer | undefined;

  constructor() {
    super({ highWaterMark: 16_384 });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#waiting = chunk;
    this.#done = done;
  }

  takeAll(): void {
    while (this.#waiting) {
      this.taken.push(Buffer.from(this.#waiting));
      this.buffers.push(this.#waiting.buffer);
      this.#waiting = undefined;
      this.#done?.();
    }
  }
}
