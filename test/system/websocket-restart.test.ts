import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { startOrigin } from '../support/origin.ts';
import { type Cleanup, startTunnel, type Tunnel } from '../support/processes.ts';

interface Chat extends Tunnel {
  websocket: WebSocket;
  /** The code with which the origin's side closes. */
  originClosed: Promise<number>;
}

/** A tunnel to an origin that answers every message, and a websocket through it. */
async function startChat(t: Cleanup, wire: string): Promise<Chat> {
  const origin = await startOrigin(t);
  origin.server.removeAllListeners('upgrade');
  const acceptor = new WebSocketServer({ server: origin.server });
  const originClosed = new Promise<number>((resolve) => {
    acceptor.on('connection', (accepted) => {
      accepted.on('message', (data, binary) => accepted.send(data, { binary }));
      accepted.once('close', resolve);
    });
  });
  const tunnel = await startTunnel(t, origin.port, { hubArgs: ['--grace', '1s'], agentArgs: ['--wire', wire] });
  const websocket = new WebSocket(`ws://127.0.0.1:${tunnel.port}/`, { headers: { Host: tunnel.host } });
  t.after(() => websocket.terminate());
  await once(websocket, 'open');
  return { ...tunnel, websocket, originClosed };
}

/** Keeps messages of all lengths under way in both directions. Throws when one comes back changed. */
function chatter(websocket: WebSocket): void {
  const sent: string[] = [];
  const send = (): void => {
    const text = 'x'.repeat(Math.floor(Math.random() * 100_000));
    sent.push(text);
    websocket.send(text);
  };
  websocket.on('message', (data: Buffer) => {
    assert.equal(data.toString(), sent.shift());
    if (websocket.readyState === websocket.OPEN) send();
  });
  for (let i = 0; i < 8; i += 1) send();
}

async function closeOf(websocket: WebSocket): Promise<[code: number, reason: string]> {
  const [code, reason] = (await once(websocket, 'close')) as [number, Buffer];
  return [code, reason.toString()];
}

for (const wire of ['v1', 'v2']) {
  describe(`over wire ${wire}`, () => {
    test('a hub that stops closes a silent websocket with 1012, and tells its origin', async (t) => {
      const { hub, websocket, originClosed } = await startChat(t, wire);
      const closed = closeOf(websocket);
      hub.program.signal('SIGTERM');
      assert.deepEqual(await closed, [1012, 'service restart']);
      const code = await originClosed;
      if (wire === 'v2') assert.equal(code, 1001);
      assert.deepEqual(await hub.program.exited, { code: 0, signal: null });
    });

    test('a hub that stops closes a busy websocket with 1012', async (t) => {
      const { hub, websocket, originClosed } = await startChat(t, wire);
      chatter(websocket);
      const closed = closeOf(websocket);
      hub.program.signal('SIGTERM');
      assert.deepEqual(await closed, [1012, 'service restart']);
      await originClosed;
      assert.deepEqual(await hub.program.exited, { code: 0, signal: null });
    });

    test('a websocket whose agent is lost is closed with 1012', async (t) => {
      const { agent, websocket } = await startChat(t, wire);
      const closed = closeOf(websocket);
      await agent.program.stop('SIGKILL');
      assert.equal((await closed)[0], 1012);
    });
  });
}
