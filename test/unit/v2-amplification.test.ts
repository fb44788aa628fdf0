import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { AditError } from '#internal/core/errors';
import { BaseUrls } from '#internal/hub/base-urls';
import { verifyProof } from '#internal/hub/registration/proof';
import { limits } from '#messages/limits';
import { packetKinds, V2Error } from '#messages/v2';
import { longestStall } from '../support/event-loop.ts';
import { RecordedResponse } from '../support/recorded-response.ts';
import { getHead } from '../support/stream-origin.ts';
import { batch, LoneMux, openFrame } from '../support/v2-wire.ts';

// What a peer may make us do with little of its own.

test('v2: a key whose modulus is a list of millions does not stall the hub', async () => {
  const key = JSON.parse('{"kty":"RSA","e":"AQAB","n":{"length":2000000}}');
  const claim = { origin: 'https://hub.example.com', nonce: '', session: '', epoch: 0, tunnels: [] };
  const registration = { key, algorithm: 'RS256', signature: '', claim, maxStreams: 1, hubNonce: '' };
  const bases = new BaseUrls([new URL(claim.origin)]);
  const stall = await longestStall(() => assert.rejects(verifyProof('register', registration, bases)));
  assert.ok(stall < 50, `${stall} ms`);
});

test('v2: asking again and again does not bring everything again and again', async () => {
  const lone = new LoneMux();
  const stream = lone.mux.open(0, getHead(), 30_000, new RecordedResponse());
  stream.write(Buffer.alloc(limits.streamWindow));
  await lone.settle();
  const sentCount = lone.batches.length;
  for (let i = 0; i < 100; i += 1) lone.mux.receive(batch({ kind: packetKinds.resend }));
  const againCount = lone.batches.length - sentCount;
  assert.ok(againCount <= 2 * sentCount, `${againCount} batches for 100 packets of 28 bytes`);
});

test('v2: whoever does not hear where a lane begins is told once a turn, and only when there is room', async () => {
  const lone = new LoneMux({ start: 1_000 });
  const kinds: unknown[] = [];
  lone.link.send = ([kind]) => kinds.push(kind);
  const ask = async (): Promise<unknown[]> => {
    for (let i = 0; i < 100; i += 1) lone.mux.receive(batch({}));
    await lone.settle();
    return kinds.splice(0);
  };
  assert.deepEqual(await ask(), [packetKinds.gone, packetKinds.batch]);
  assert.deepEqual(await ask(), [packetKinds.gone, packetKinds.batch], 'what was said may be lost');
  lone.link.isWritable = false;
  assert.deepEqual(await ask(), []);
  lone.link.isWritable = true;
  assert.deepEqual(await ask(), [packetKinds.gone, packetKinds.batch]);
});

test('v2: a peer that acknowledges nothing does not make us keep without end', async () => {
  const refuse = (): never => {
    throw new AditError('ADIT_BAD_REQUEST', 'no'.repeat(500));
  };
  const lone = new LoneMux({ accept: refuse });
  const ask = async (): Promise<void> => {
    for (let id = 2; id < 200_000; id += 2) {
      lone.receive([openFrame(id)], 0);
      if (id % 1_000 === 0) await turn();
    }
  };
  await assert.rejects(ask(), V2Error);
  assert.ok(lone.sentBytes <= limits.laneKept + limits.v2Packet * 10, `${lone.sentBytes} bytes are kept`);
});

test('v2: a peer that reads nothing does not make us queue without end', async () => {
  const lone = new LoneMux();
  lone.link.isWritable = false;
  assert.throws(() => {
    for (let id = 2; id < 80_000; id += 2) lone.receive([openFrame(id, 'nonsense')], 0);
  }, V2Error);
});
