import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeNodeMessage, encodeNodeMessage, type NodeMessageKind, nodeMessages } from '#messages/node';

for (const kind of Object.keys(nodeMessages) as NodeMessageKind[]) {
  test(`a message of kind ${kind} survives its way over the bus`, () => {
    const payload = Buffer.from([0, 255, 1]);
    const read = decodeNodeMessage(Buffer.concat([encodeNodeMessage(kind, 'f3c1'), payload]));
    assert.deepEqual(read, { kind, name: 'f3c1', payload });
    assert.equal(decodeNodeMessage(encodeNodeMessage(kind, '')).payload.length, 0);
  });
}

for (const [name, bytes] of Object.entries({
  'an empty one': [],
  'one of an unknown kind': [99, 0],
  'one of kind 0': [0, 0],
  'one that is shorter than its name': [1, 5, 65],
})) {
  test(`a message is refused with an error: ${name}`, () => {
    assert.throws(() => decodeNodeMessage(Buffer.from(bytes)), Error);
  });
}
