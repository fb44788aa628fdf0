import assert from 'node:assert/strict';
import type { Writable } from 'node:stream';
import { test } from 'node:test';
import * as ws from 'ws';
import { PacketReader } from '#internal/link/packet-reader';
import { limits } from '#messages/limits';
import { Random } from '../support/random.ts';

/** How the library reads; it has no types for that. */
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Writable };

const binary = 0x82;
const ping = 0x89;
const close = 0x88;

for (const isMasked of [true, false]) {
  const side = isMasked ? 'a client' : 'a server';

  test(`of ${side} messages of every length are packets, however they are cut, and control frames between them are not`, () => {
    const random = new Random(isMasked ? 1 : 2);
    for (let round = 0; round < 300; round += 1) {
      const sent = Array.from({ length: 1 + random.below(6) }, () => messageOf(random));
      const wire = Buffer.concat(sent.map(({ first, data }) => frame(first, data, { isMasked, mask: maskOf(random) })));
      const seen = new Seen({ isMasked });
      for (const piece of cut(wire, random)) seen.read(piece);
      assert.deepEqual(
        seen.all.map((bytes) => bytes.toString('hex')),
        sent.map(({ data }) => data.toString('hex')),
      );
      assert.equal(seen.packetCount, sent.filter(({ first }) => first === binary).length);
    }
  });

  test(`from the first frame of another kind on ${side} is left to the library, which sees every byte`, () => {
    const odd = [
      frame(0x81, Buffer.from('text'), { isMasked }),
      frame(0x02, Buffer.from('a fragment'), { isMasked }),
      frame(0xc2, Buffer.from('an extension'), { isMasked }),
      frame(0x83, Buffer.from('an opcode that nobody knows'), { isMasked }),
      frame(binary, Buffer.from('masked by the wrong side'), { isMasked: !isMasked }),
      frame(binary, Buffer.alloc(limits.v2Packet + 1), { isMasked }),
      frame(ping, Buffer.alloc(126), { isMasked }),
    ];
    const random = new Random(3);
    for (const bytes of odd) {
      const wire = Buffer.concat([bytes, frame(binary, Buffer.from('behind'), { isMasked })]);
      const before = frame(binary, Buffer.from('before'), { isMasked });
      const seen: Buffer[] = [];
      const packets: string[] = [];
      const reader = new PacketReader(
        { isMasked },
        { packet: (packet) => packets.push(packet.toString()), other: (other) => seen.push(Buffer.from(other)) },
      );
      for (const piece of cut(Buffer.concat([before, wire]), random)) reader.push(piece);
      assert.deepEqual(packets, ['before']);
      assert.ok(Buffer.concat(seen).equals(wire));
    }
  });
}

test('behind a close frame, and once it is stopped, nothing is read', () => {
  const seen = new Seen({ isMasked: false });
  const goodbye = Buffer.from([0x03, 0xe8]);
  seen.read(
    Buffer.concat([
      frame(close, goodbye, { isMasked: false }),
      frame(binary, Buffer.from('late'), { isMasked: false }),
    ]),
  );
  assert.equal(seen.closeCode, 1_000);
  assert.equal(seen.packetCount, 0);
  const stopped = new Seen({ isMasked: false });
  stopped.reader.stop();
  stopped.read(frame(binary, Buffer.from('late'), { isMasked: false }));
  assert.equal(stopped.packetCount, 0);
});

test('whoever has sent the beginning of a long packet alone does not have room made for all of it', () => {
  const wire = frame(binary, Buffer.alloc(limits.v2Packet), { isMasked: false });
  const readers = Array.from({ length: 200 }, () => new Seen({ isMasked: false }));
  const before = process.memoryUsage().arrayBuffers;
  for (const { reader } of readers) reader.push(wire.subarray(0, 20));
  assert.ok(process.memoryUsage().arrayBuffers - before < 200 * 8_192);
});

/** What a reader finds, with the library behind it. */
class Seen {
  readonly all: Buffer[] = [];
  packetCount = 0;
  closeCode = 0;
  readonly reader: PacketReader;

  constructor({ isMasked }: { isMasked: boolean }) {
    const library = new Receiver({ isServer: isMasked, allowSynchronousEvents: true });
    library.on('ping', (data: Buffer) => this.all.push(Buffer.from(data)));
    library.on('conclude', (code: number) => {
      this.closeCode = code;
    });
    this.reader = new PacketReader(
      { isMasked },
      {
        packet: (packet) => {
          this.packetCount += 1;
          this.all.push(Buffer.from(packet));
        },
        other: (bytes) => library.write(Buffer.from(bytes)),
      },
    );
  }

  /** Reads a piece from a buffer that is used again. */
  read(piece: Buffer): void {
    const chunk = Buffer.from(piece);
    this.reader.push(chunk);
    chunk.fill(0xee);
  }
}

function messageOf(random: Random): { first: number; data: Buffer } {
  if (random.chance(0.2)) return { first: ping, data: bytesOf(random, random.below(126)) };
  const longest = random.pick([0, 125, 126, 300, 65_535, 65_536, limits.v2Packet]);
  return { first: binary, data: bytesOf(random, random.chance(0.5) ? longest : random.below(longest + 1)) };
}

function bytesOf(random: Random, byteCount: number): Buffer {
  const bytes = Buffer.alloc(byteCount);
  for (let at = 0; at < byteCount; at += 1 + random.below(100)) bytes[at] = random.below(256);
  return bytes;
}

/** Often zero, as where nobody could read what it hides. */
function maskOf(random: Random): Buffer {
  return random.chance(0.3) ? Buffer.alloc(4) : random.bytes(4);
}

function frame(
  first: number,
  data: Buffer,
  { isMasked, mask = Buffer.from('mask') }: { isMasked: boolean; mask?: Buffer },
) {
  const bit = isMasked ? 0x80 : 0;
  const { length } = data;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = bit | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeUInt32BE(length, 6);
  if (!isMasked) return Buffer.concat([head, data]);
  return Buffer.concat([head, mask, data.map((byte, at) => byte ^ (mask[at % 4] as number))]);
}

/** Pieces of many lengths, also of one byte. */
function cut(wire: Buffer, random: Random): Buffer[] {
  const longest = random.pick(wire.length > 5_000 ? [50, 5_000, 65_536, 200_000] : [1, 3, 50, 5_000]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < wire.length; ) {
    const piece = wire.subarray(at, at + 1 + random.below(longest));
    pieces.push(piece);
    at += piece.length;
  }
  return pieces;
}
