import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { MemoryWatch } from './figures.ts';
import { download, type FlowOrigin, untilIdle } from './flow.ts';
import type { Cleanup, Tunnel } from './processes.ts';
import { visit } from './visit.ts';

type Kind = 'visitors that read nothing' | 'visitors that read 1 MB' | 'uploads that are not read';

/** In MB. Of an upload that is held back, the hub has also read ahead, to see whether its visitor is still there. */
const mostGrowth = {
  'visitors that read nothing': 100,
  'visitors that read 1 MB': 100,
  'uploads that are not read': 150,
};
/** Hundreds of full socket buffers slow the whole machine; a stream that got no window would fall below 0.1. */
const leastSpeed = 0.4;

/**
 * Visitors that come at once. Those that read nothing would all be asked for within a moment, more than a service can
 * accept. The others slow each other down, or the systems' buffers for them would take all memory that it has for TCP.
 */
const waveCount = {
  'visitors that read nothing': 50,
  'visitors that read 1 MB': 500,
  'uploads that are not read': 500,
};

/**
 * How long the answers are of which little is read. The first is longer than what everybody on the way takes of it, and little
 * more: the system holds the rest, and of 500 that have 4 MB of it at each hop all memory for TCP was gone now and then, and
 * with it everybody's speed.
 */
const answerBytes = { 'visitors that read nothing': 6_000_000, 'visitors that read 1 MB': 100_000_000 };

interface Stalled {
  origin: FlowOrigin;
  tunnel: Tunnel;
  visitorCount: number;
  /** Of the download that runs meanwhile. */
  byteCount: number;
}

/** Visitors that do not read, and origins that do not, cost little memory and nobody else's speed. */
export function testStalled(at: Stalled, kind: Kind): void {
  test(`${at.visitorCount} ${kind} leave memory and speed to others`, async (t) => {
    await checkStalled(t, at, kind);
  });
}

async function checkStalled(
  t: Cleanup & { diagnostic(text: string): void },
  { origin, tunnel, visitorCount, byteCount }: Stalled,
  kind: Kind,
): Promise<void> {
  const speed = async (): Promise<number> => {
    const { ms } = await download(tunnel, `/down/${byteCount}`);
    return byteCount / ms / 1_000;
  };
  await speed();
  const before = Math.max(await speed(), await speed());
  const memory = new MemoryWatch(t, { hub: tunnel.hub.program, agent: tunnel.agent.program });
  const from = kind.replaceAll(' ', '-');
  const visitors: Socket[] = [];
  while (visitors.length < visitorCount) {
    const wave = Array.from({ length: Math.min(waveCount[kind], visitorCount - visitors.length) }, (_, n) => {
      const i = visitors.length + n;
      return kind === 'uploads that are not read'
        ? uploading(t, tunnel, `/never/${from}/${i}`)
        : reading(t, tunnel, `/down/${answerBytes[kind]}?${from}${i}`);
    });
    visitors.push(...wave);
    if (kind === 'uploads that are not read') await origin.events(`/never/${from}/`, 'begun', visitors.length);
    // Each one takes so much, the last bytes of it from what it has read already.
    else
      await Promise.all(wave.map((visitor) => readUpTo(visitor, kind === 'visitors that read 1 MB' ? 1_000_000 : 1)));
  }
  const startedAt = performance.now();
  const { text } = await visit({ port: tunnel.port, host: tunnel.host, path: '/small' });
  const smallMs = performance.now() - startedAt;
  // The first ones run while all that has been read for the others is still being put away.
  const speeds: number[] = [];
  while (speeds.length < 8) speeds.push(await speed());
  const meanwhile = Math.max(...speeds);
  const leftAt = performance.now();
  // A reset, since an end would wait behind what an upload could not get rid of.
  for (const visitor of visitors) visitor.resetAndDestroy();
  await untilIdle(tunnel);
  // An origin that does not read, or has written all of it, can't see that it was left.
  if (kind === 'visitors that read 1 MB') {
    await origin.events(`/down/${answerBytes[kind]}\\?${from}`, 'aborted', visitorCount);
  }
  const endedMs = performance.now() - leftAt;
  const ratio = meanwhile / before;
  t.diagnostic(
    `grew ${JSON.stringify(memory.growth)} MB; speed ${before.toFixed(0)} → ${meanwhile.toFixed(0)} MB/s (${ratio.toFixed(2)}); of ${speeds.map(Math.round).join(', ')}; small ${smallMs.toFixed(0)} ms; ended in ${endedMs.toFixed(0)} ms`,
  );
  assert.equal(text, 'small');
  for (const [name, megabytes] of Object.entries(memory.growth)) {
    assert.ok(megabytes <= mostGrowth[kind], `${name} grew by ${megabytes} MB`);
  }
  assert.ok(ratio >= leastSpeed, `others ran at ${ratio.toFixed(2)} of their speed`);
  assert.ok(endedMs < 5_000, `the last request ended ${endedMs} ms after its visitor`);
}

/** A visitor that has asked for something, and reads nothing yet. */
export function reading(t: Cleanup, { port, host }: Pick<Tunnel, 'port' | 'host'>, path: string): Socket {
  const visitor = plainVisitor(t, port);
  visitor.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return visitor;
}

function uploading(t: Cleanup, { port, host }: Tunnel, path: string): Socket {
  const visitor = plainVisitor(t, port);
  visitor.write(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100000000\r\n\r\n`);
  const piece = Buffer.alloc(65_536);
  const go = (): void => {
    while (visitor.write(piece));
  };
  visitor.on('drain', go);
  go();
  return visitor;
}

function plainVisitor(t: Cleanup, port: number): Socket {
  const visitor = connect({ host: '127.0.0.1', port, noDelay: true });
  visitor.on('error', () => undefined);
  t.after(() => visitor.destroy());
  return visitor;
}

/** Reads so many bytes, then no more. */
export async function readUpTo(visitor: Socket, byteCount: number): Promise<void> {
  for (let left = byteCount; left > 0; ) {
    await once(visitor, 'readable');
    for (let chunk = visitor.read() as Buffer | null; chunk && left > 0; chunk = visitor.read()) {
      if (left === byteCount) assert.match(chunk.toString('latin1'), /^HTTP\/1\.1 200 /);
      left -= chunk.length;
    }
  }
}
