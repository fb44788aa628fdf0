import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { Bus } from '#internal/bus/bus';

/** Makes a bus that is open. `onError` is told what receivers throw. Several of one test reach each other. */
export type MakeBus = (t: TestContext, onError: (thrown: unknown) => void) => Promise<Bus>;

const fail = (thrown: unknown): void => assert.fail(`a receiver failed: ${String(thrown)}`);
const newNode = (): string => randomBytes(8).toString('hex');

/** What every bus promises. */
export function busContract(name: string, makeBus: MakeBus): void {
  test(`${name}: delivers 10,000 messages of one sender whole and in order`, async (t) => {
    const bus = await makeBus(t, fail);
    const node = newNode();
    const count = 10_000;
    const received: string[] = [];
    let resolveAll: () => void = () => undefined;
    const all = new Promise<void>((resolve) => {
      resolveAll = resolve;
    });
    await bus.subscribe(node, (message) => {
      received.push(message.toString('utf8'));
      if (received.length === count) resolveAll();
    });
    const isTaken = await Promise.all(
      Array.from({ length: count }, (_, i) => bus.publish(node, Buffer.from(`message ${i}`))),
    );
    await all;
    assert.ok(isTaken.every(Boolean));
    assert.deepEqual(
      received,
      Array.from({ length: count }, (_, i) => `message ${i}`),
    );
  });

  test(`${name}: a publish to a node that nobody listens as gives false`, async (t) => {
    const bus = await makeBus(t, fail);
    await bus.subscribe(newNode(), () => assert.fail('a message went to another node'));
    assert.equal(await bus.publish(newNode(), Buffer.from('lost')), false);
  });

  test(`${name}: a receiver has bytes of its own, and the sender may reuse its buffer`, async (t) => {
    const bus = await makeBus(t, fail);
    const node = newNode();
    const received = nextMessages(2);
    await bus.subscribe(node, received.receive);
    const buffer = Buffer.from('first');
    await bus.publish(node, buffer);
    buffer.write('again');
    await bus.publish(node, buffer);
    const [first, second] = await received.messages;
    assert.equal(first?.toString(), 'first');
    assert.equal(second?.toString(), 'again');
    first?.fill(0);
    assert.equal(buffer.toString(), 'again');
  });

  test(`${name}: a message of 1 MiB arrives whole`, async (t) => {
    const bus = await makeBus(t, fail);
    const node = newNode();
    const received = nextMessages(1);
    await bus.subscribe(node, received.receive);
    const message = randomBytes(1_048_576);
    assert.equal(await bus.publish(node, message), true);
    assert.ok((await received.messages)[0]?.equals(message));
  });

  test(`${name}: an empty message arrives`, async (t) => {
    const bus = await makeBus(t, fail);
    const node = newNode();
    const received = nextMessages(1);
    await bus.subscribe(node, received.receive);
    await bus.publish(node, Buffer.alloc(0));
    assert.equal((await received.messages)[0]?.length, 0);
  });

  test(`${name}: a receiver that throws disturbs neither its next message nor another receiver`, async (t) => {
    const thrown: unknown[] = [];
    const bus = await makeBus(t, (error) => thrown.push(error));
    const [failing, sound] = [newNode(), newNode()];
    const failed = nextMessages(2);
    const received = nextMessages(1);
    await bus.subscribe(failing, (message) => {
      failed.receive(message);
      throw new Error(`cannot read ${message.toString()}`);
    });
    await bus.subscribe(sound, received.receive);
    await bus.publish(failing, Buffer.from('one'));
    await bus.publish(failing, Buffer.from('two'));
    await bus.publish(sound, Buffer.from('three'));
    assert.deepEqual((await failed.messages).map(String), ['one', 'two']);
    assert.deepEqual((await received.messages).map(String), ['three']);
    assert.deepEqual(
      thrown.map((error) => (error as Error).message),
      ['cannot read one', 'cannot read two'],
    );
  });

  test(`${name}: a second subscription to a node is refused and the first one stays`, async (t) => {
    const bus = await makeBus(t, fail);
    const node = newNode();
    const received = nextMessages(1);
    await bus.subscribe(node, received.receive);
    await assert.rejects(
      bus.subscribe(node, () => assert.fail('the second subscription received')),
      /subscribed already/,
    );
    await bus.publish(node, Buffer.from('first'));
    assert.deepEqual((await received.messages).map(String), ['first']);
  });

  test(`${name}: unsubscribing twice does no more than once, and never ends a later subscription`, async (t) => {
    const bus = await makeBus(t, fail);
    const node = newNode();
    const unsubscribe = await bus.subscribe(node, () => assert.fail('an ended subscription received'));
    await unsubscribe();
    assert.equal(await bus.publish(node, Buffer.from('nobody')), false);
    const received = nextMessages(1);
    await bus.subscribe(node, received.receive);
    await unsubscribe();
    assert.equal(await bus.publish(node, Buffer.from('somebody')), true);
    assert.deepEqual((await received.messages).map(String), ['somebody']);
  });

  test(`${name}: closing twice does no more than once, and a publish after it throws`, async (t) => {
    const bus = await makeBus(t, fail);
    const node = newNode();
    await bus.subscribe(node, () => assert.fail('a closed bus delivered'));
    await bus.close();
    await bus.close();
    await assert.rejects(bus.publish(node, Buffer.from('late')));
    await assert.rejects(bus.subscribe(newNode(), () => undefined));
  });
}

/** Collects so many messages. */
function nextMessages(count: number): { receive(message: Buffer): void; messages: Promise<Buffer[]> } {
  const received: Buffer[] = [];
  let resolveAll: (messages: Buffer[]) => void;
  const messages = new Promise<Buffer[]>((resolve) => {
    resolveAll = resolve;
  });
  return {
    messages,
    receive(message) {
      received.push(message);
      if (received.length === count) resolveAll(received);
    },
  };
}
