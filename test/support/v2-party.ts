import assert from 'node:assert/strict';
import { AditError } from '#internal/core/errors';
import type { AcceptedStream, ResponseHandler, Stream } from '#internal/link/stream';
import { Random } from './random.ts';
import { responseHead } from './stream-origin.ts';

/** Bytes in which a shift by any count up to 100,000 shows. */
const noise = new Random(1).bytes(400_000);

/** One end of one stream: sends its body bit by bit, takes the other one's bit by bit, and may lose patience. */
export class Party implements ResponseHandler {
  stream!: Stream;
  /** The other end of the same stream, once it is there. */
  far: Party | undefined;
  readonly #random: Random;
  readonly #body: Buffer;
  #sent = 0;
  #received = 0;
  #unconsumed = 0;
  #mayWrite = true;
  #patience: number;
  hasEnded = false;
  wasEnded = false;
  hasStopped = false;
  wasStopped = false;
  hasReset = false;
  wasReset = false;
  resetCode = '';

  constructor(random: Random) {
    this.#random = random;
    const length = random.chance(0.2) ? random.below(100_000) : random.below(3_000);
    const start = random.below(noise.length - length);
    this.#body = noise.subarray(start, start + length);
    this.#patience = random.chance(0.3) ? random.below(12) : Number.POSITIVE_INFINITY;
  }

  /** The agent's end of the stream of one of these visitors, whose number is the target. */
  static meet(visitors: readonly Party[], target: string, stream: AcceptedStream, random: Random): Party {
    const party = new Party(random);
    const far = visitors[Number(target.slice(1))] as Party;
    assert.equal(far.far, undefined, 'a request arrived twice');
    party.far = far;
    far.far = party;
    party.stream = stream;
    stream.head(responseHead(200));
    return party;
  }

  get isOver(): boolean {
    return this.hasReset || this.wasReset || ((this.hasEnded || this.wasStopped) && (this.wasEnded || this.hasStopped));
  }

  /** Goes on a little. */
  step(): void {
    const random = this.#random;
    if (this.isOver) return;
    if (random.chance(0.8)) this.#consume();
    if (this.#mayWrite && random.chance(0.7)) this.#write();
    this.#patience -= 1;
    if (this.#patience > 0) return;
    this.#patience = Number.POSITIVE_INFINITY;
    if (random.chance(0.5)) {
      this.hasReset = true;
      this.stream.reset(new AditError('ADIT_ORIGIN_FAILED', 'no patience'));
    } else {
      this.hasStopped = true;
      this.stream.stop();
    }
  }

  #consume(): void {
    const byteCount = this.#random.chance(0.5) ? this.#unconsumed : this.#random.below(this.#unconsumed + 1);
    this.#unconsumed -= byteCount;
    if (byteCount > 0) this.stream.consumed(byteCount);
  }

  #write(): void {
    if (this.hasEnded) return;
    if (this.#sent === this.#body.length) {
      this.hasEnded = true;
      this.stream.end();
      return;
    }
    const count = 1 + this.#random.below(this.#random.chance(0.3) ? 40_000 : 1_000);
    const chunk = this.#body.subarray(this.#sent, this.#sent + count);
    this.#sent += chunk.length;
    this.#mayWrite = this.stream.write(chunk);
  }

  head(): void {
    assert.ok(!this.isOver, 'a head came after the stream was over');
  }

  data(chunk: Buffer): void {
    assert.ok(!this.wasEnded && !this.hasReset && !this.wasReset && !this.hasStopped, 'data came too late');
    const expected = (this.far as Party).#body.subarray(this.#received, this.#received + chunk.length);
    assert.ok(chunk.equals(expected), `wrong bytes at ${this.#received}`);
    this.#received += chunk.length;
    this.#unconsumed += chunk.length;
  }

  ended(): void {
    assert.ok(!this.wasEnded && !this.hasReset && !this.wasReset, 'it ended twice');
    assert.equal(this.#received, (this.far as Party).#body.length, 'bytes are missing');
    this.wasEnded = true;
  }

  drained(): void {
    assert.ok(!this.#mayWrite, 'drained came without need');
    this.#mayWrite = true;
  }

  stopped(): void {
    this.wasStopped = true;
  }

  reset({ code }: AditError): void {
    assert.ok(!this.hasReset && !this.wasReset, 'a reset came too late');
    this.wasReset = true;
    this.resetCode = code;
  }
}
