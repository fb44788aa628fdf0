import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { Bus, BusHandler, NodeId } from '#internal/bus/bus';

/** Makes a network whose buses reach each other: one for each node. `onError` is told what handlers throw. */
export type MakeNetwork = (t: TestContext, onError: (thrown: unknown) => void) => Promise<(node: NodeId) => Bus>;

interface Taken {
  from: NodeId;
  message: Buffer;
}

const fail = (thrown: unknown): void => assert.fail(`a handler failed: ${String(thrown)}`);

/** One node, and what came to it. */
class Node {
  readonly id = randomBytes(8).toString('hex');
  readonly bus: Bus;
  readonly taken: Taken[] = [];
  readonly gone: NodeId[] = [];
  #wake: () => void = () => undefined;

  constructor(make: (node: NodeId) => Bus) {
    this.bus = make(this.id);
  }

  async start(t: TestContext, more: Partial<BusHandler> = {}): Promise<this> {
    t.after(() => this.bus.close());
    await this.bus.start({
      message: (from, message) => {
        // Its buffer may be used again.
        this.taken.push({ from, message: Buffer.from(message) });
        this.#wake();
        more.message?.(from, message);
      },
      gone: (node) => {
        this.gone.push(node);
        this.#wake();
      },
      heard: () => undefined,
      writable: () => undefined,
    });
    return this;
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  get texts(): string[] {
    return this.taken.map(({ message }) => message.toString());
  }
}

/** What every bus promises. */
export function busContract(name: string, makeNetwork: MakeNetwork): void {
  test(`${name}: delivers 10,000 messages of one sender whole and in order`, async (t) => {
    const make = await makeNetwork(t, fail);
    const [sender, receiver] = [await new Node(make).start(t), await new Node(make).start(t)];
    const sent = Array.from({ length: 10_000 }, (_, i) => `message ${i}`);
    for (const text of sent) sender.bus.publish(receiver.id, Buffer.from(text));
    await receiver.until(() => receiver.taken.length === sent.length);
    assert.deepEqual(receiver.texts, sent);
    assert.ok(receiver.taken.every(({ from }) => from === sender.id));
  });

  test(`${name}: keeps the order of each pair of nodes, in every turn and for every length`, async (t) => {
    const make = await makeNetwork(t, fail);
    const nodes = [await new Node(make).start(t), await new Node(make).start(t), await new Node(make).start(t)];
    const count = 300;
    for (let i = 0; i < count; i += 1) {
      for (const sender of nodes) {
        const message = Buffer.alloc(i % 50 === 0 ? 300_000 : 4);
        message.writeUInt32BE(i);
        for (const receiver of nodes) sender.bus.publish(receiver.id, message);
      }
      if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const expected = Array.from({ length: count }, (_, i) => i);
    for (const receiver of nodes) {
      await receiver.until(() => receiver.taken.length === nodes.length * count);
      for (const { id } of nodes) {
        const taken = receiver.taken.filter(({ from }) => from === id);
        assert.deepEqual(
          taken.map(({ message }) => message.readUInt32BE()),
          expected,
        );
      }
    }
  });

  test(`${name}: a node can send to itself, and never within its own call`, async (t) => {
    const make = await makeNetwork(t, fail);
    const node = await new Node(make).start(t);
    node.bus.publish(node.id, Buffer.from('to myself'));
    assert.deepEqual(node.texts, []);
    await node.until(() => node.taken.length === 1);
    assert.deepEqual(node.texts, ['to myself']);
  });

  test(`${name}: whoever sends to a node that never was is told that it is gone`, async (t) => {
    const make = await makeNetwork(t, fail);
    const node = await new Node(make).start(t);
    const nobody = randomBytes(8).toString('hex');
    node.bus.publish(nobody, Buffer.from('lost'));
    await node.until(() => node.gone.length > 0);
    assert.deepEqual([...new Set(node.gone)], [nobody]);
  });

  test(`${name}: what is sent to a node that never was holds nobody else back`, async (t) => {
    const make = await makeNetwork(t, fail);
    const [sender, receiver] = [await new Node(make).start(t), await new Node(make).start(t)];
    sender.bus.publish(receiver.id, Buffer.from('before'));
    await receiver.until(() => receiver.taken.length === 1);
    const nobody = randomBytes(8).toString('hex');
    const piece = Buffer.alloc(65_536);
    for (let i = 0; i < 256; i += 1) sender.bus.publish(nobody, piece);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(sender.bus.isWritable);
    sender.bus.publish(receiver.id, Buffer.from('behind'));
    await receiver.until(() => receiver.taken.length === 2);
    assert.deepEqual(receiver.texts, ['before', 'behind']);
  });

  test(`${name}: a node that says goodbye is gone for the others`, async (t) => {
    const make = await makeNetwork(t, fail);
    const [stays, leaves] = [await new Node(make).start(t), await new Node(make).start(t)];
    stays.bus.publish(leaves.id, Buffer.from('hello'));
    await leaves.until(() => leaves.taken.length === 1);
    await leaves.bus.close();
    await leaves.bus.close();
    await stays.until(() => stays.gone.includes(leaves.id));
    leaves.bus.publish(stays.id, Buffer.from('too late'));
    stays.bus.publish(stays.id, Buffer.from('last'));
    await stays.until(() => stays.taken.length > 0);
    assert.deepEqual(stays.texts, ['last']);
  });

  test(`${name}: messages of 1 MiB and of nothing arrive whole`, async (t) => {
    const make = await makeNetwork(t, fail);
    const [sender, receiver] = [await new Node(make).start(t), await new Node(make).start(t)];
    const message = randomBytes(1_048_576);
    sender.bus.publish(receiver.id, message);
    sender.bus.publish(receiver.id, Buffer.alloc(0));
    await receiver.until(() => receiver.taken.length === 2);
    assert.ok(receiver.taken[0]?.message.equals(message));
    assert.equal(receiver.taken[1]?.message.length, 0);
  });

  test(`${name}: messages in pieces of any length arrive whole and in order`, async (t) => {
    const make = await makeNetwork(t, fail);
    const [sender, receiver] = [await new Node(make).start(t), await new Node(make).start(t)];
    const pieces = [0, 10, 8_191, 8_192, 70_000, 1, 300_000].map((length) => randomBytes(length));
    const sent = pieces.map((_, i) => [...pieces.slice(i), ...pieces.slice(0, i)]);
    for (const message of sent) sender.bus.publish(receiver.id, ...message);
    await receiver.until(() => receiver.taken.length === sent.length);
    for (const [i, message] of sent.entries()) assert.ok(receiver.taken[i]?.message.equals(Buffer.concat(message)));
  });

  test(`${name}: a handler that throws disturbs neither its next message nor another node`, async (t) => {
    const thrown: unknown[] = [];
    const make = await makeNetwork(t, (error) => thrown.push(error));
    const [sender, sound] = [await new Node(make).start(t), await new Node(make).start(t)];
    const failing = await new Node(make).start(t, {
      message: (_from, message) => {
        throw new Error(`cannot read ${message.toString()}`);
      },
    });
    sender.bus.publish(failing.id, Buffer.from('one'));
    sender.bus.publish(failing.id, Buffer.from('two'));
    sender.bus.publish(sound.id, Buffer.from('three'));
    await failing.until(() => failing.taken.length === 2);
    await sound.until(() => sound.taken.length === 1);
    assert.deepEqual([failing.texts, sound.texts], [['one', 'two'], ['three']]);
    assert.deepEqual(
      thrown.map((error) => (error as Error).message),
      ['cannot read one', 'cannot read two'],
    );
  });
}
