import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { decodeSessionPacket, encodeSessionPacket, type SessionPacket, v2Subprotocol } from '#messages/v2';
import { listening } from '../support/listening.ts';
import { type Cleanup, spawnAgent, startHub } from '../support/processes.ts';

/** Speaks to a hub as an agent that knows these versions of the wire; gives what it is told, and how it ends. */
async function registerWith(t: Cleanup, versions: number[]): Promise<{ told: SessionPacket[]; code: number }> {
  const hub = await startHub(t);
  const websocket = new WebSocket(`ws://127.0.0.1:${hub.port}/proxy/subscribe`, v2Subprotocol);
  t.after(() => websocket.terminate());
  const told: SessionPacket[] = [];
  websocket.on('message', (data: Buffer) => {
    const packet = decodeSessionPacket(data);
    if (packet) told.push(packet);
    if (packet?.kind !== 'hello') return;
    const claim = { origin: hub.url, nonce: 'n', session: '', epoch: 0, tunnels: [{ session: '' }] };
    const proof = { key: {}, algorithm: 'ES256', signature: 's', claim };
    websocket.send(
      encodeSessionPacket({ kind: 'register', versions, agent: 'adit/9.0.0', limits: { streams: 1 }, ...proof }),
    );
  });
  const [code] = (await once(websocket, 'close')) as [number];
  return { told, code };
}

test('a hub tells an agent that speaks only older versions to be upgraded', async (t) => {
  const { told, code } = await registerWith(t, [1]);
  assert.equal(code, 1_008);
  const rejected = told.find(({ kind }) => kind === 'rejected');
  assert.ok(rejected?.kind === 'rejected' && rejected.isFinal);
  assert.match(rejected.message, /upgrade the agent/);
});

test('a hub tells an agent that speaks only newer versions to have the hub upgraded', async (t) => {
  const { told } = await registerWith(t, [3, 4]);
  const rejected = told.find(({ kind }) => kind === 'rejected');
  assert.ok(rejected?.kind === 'rejected' && rejected.isFinal);
  assert.match(rejected.message, /upgrade the hub/);
});

/** A hub of a later version, in the hands of a test; gives the URL that agents dial. */
async function startLaterHub(t: Cleanup, grants: boolean, greet: (websocket: WebSocket) => void): Promise<string> {
  const server = createServer();
  const websockets = new WebSocketServer({ server, handleProtocols: () => grants && v2Subprotocol });
  websockets.on('headers', (headers) => void headers.push('Adit-Version: 9.0.0'));
  websockets.on('connection', greet);
  return `http://localhost:${await listening(t, server)}`;
}

const refusal = 'this hub speaks versions 3 to 4 of the wire: upgrade the agent';

test('an agent says what a hub of a later version tells it, and does not come back', async (t) => {
  const url = await startLaterHub(t, true, (websocket) => {
    websocket.send(encodeSessionPacket({ kind: 'hello', nonce: 'n'.repeat(43), version: '9.0.0' }));
    websocket.once('message', () => {
      websocket.send(encodeSessionPacket({ kind: 'rejected', code: 'ADIT_REFUSED', message: refusal, isFinal: true }));
      websocket.close(1008, refusal);
    });
  });
  const agent = spawnAgent(t, ['--hub', url, '3000']);
  assert.equal((await agent.exited).code, 4);
  assert.match(agent.stderr, /upgrade the agent/);
});

test('so it does with a hub that speaks neither of its wires', async (t) => {
  const url = await startLaterHub(t, false, (websocket) => {
    websocket.once('message', () => websocket.close(1008, refusal));
  });
  const agent = spawnAgent(t, ['--hub', url, '3000']);
  assert.equal((await agent.exited).code, 4);
  assert.match(agent.stderr, /upgrade the agent/);
});

test('a packet that a later hub sends beside the ones that are known is passed over', async (t) => {
  const later = Buffer.from('\x90{"load":0.5}', 'latin1');
  const answered = new Promise<Buffer>((resolve, reject) => {
    startLaterHub(t, true, (websocket) => {
      websocket.send(later);
      websocket.send(encodeSessionPacket({ kind: 'hello', nonce: 'n'.repeat(43), version: '9.0.0' }));
      websocket.once('message', resolve);
    }).then((url) => spawnAgent(t, ['--hub', url, '3000']), reject);
  });
  assert.equal(decodeSessionPacket(await answered)?.kind, 'register');
});
