import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer, get } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { Agent } from '#internal/agent/agent';
import { loadKey } from '#internal/agent/key';
import { parseOrigin } from '#internal/agent/origin-address';
import { systemTrust } from '#internal/agent/origin-trust';
import { silentLog } from '#internal/core/log';
import { decodeSessionPacket, encodeSessionPacket, type SessionPacket, v2Subprotocol } from '#messages/v2';
import { FakeClock } from '../support/fake-clock.ts';
import { listening } from '../support/listening.ts';
import { quietTurns } from '../support/peer.ts';
import { temporaryFolder } from '../support/processes.ts';

/** A hub that asks its first agent to go on elsewhere, while nobody takes it there, and tells what happens. */
class DrainingHub extends EventEmitter {
  readonly #websockets = new WebSocketServer({ noServer: true, handleProtocols: () => v2Subprotocol });
  url = '';
  isOpen = true;
  /** How long agents are asked to stay away while it is not. */
  readonly retryAfterSeconds = 10;

  async start(t: TestContext): Promise<void> {
    const server = createServer((_request, response) => response.end());
    this.#websockets.on('headers', (headers) => void headers.push('Adit-Version: 9.0.0'));
    server.on('upgrade', (request, socket, head) => {
      this.emit('dialled');
      if (this.isOpen) this.#websockets.handleUpgrade(request, socket, head, (websocket) => this.#serve(websocket));
      else {
        socket.end(`HTTP/1.1 503 Busy\r\nRetry-After: ${this.retryAfterSeconds}\r\nContent-Length: 0\r\n\r\n`);
        socket.once('close', () => this.emit('refused'));
      }
    });
    this.url = `http://127.0.0.1:${await listening(t, server)}`;
  }

  #serve(websocket: WebSocket): void {
    const tell = (packet: SessionPacket): void => websocket.send(encodeSessionPacket(packet));
    websocket.on('message', (data: Buffer) => {
      const packet = decodeSessionPacket(data);
      if (!packet) return;
      this.emit(packet.kind);
      if (packet.kind === 'resume') tell({ kind: 'resumed', epoch: packet.claim.epoch + 1 });
      if (packet.kind === 'goodbye') tell(packet);
      if (packet.kind !== 'register') return;
      const [tunnels, limits] = [[{ clientId: 'a' }], { streams: 9 }];
      tell({ kind: 'registered', version: 2, session: 's', epoch: 1, tunnels, limits, graceMs: 30_000 });
      this.isOpen = false;
      tell({ kind: 'drain', msLeft: 25_000 });
    });
    tell({ kind: 'hello', nonce: 'n'.repeat(43), version: '9.0.0' });
  }
}

test('an agent that leaves a draining hub stays away as long as it is asked to, unless its machine wakes', async (t) => {
  const clock = new FakeClock();
  const hub = new DrainingHub();
  await hub.start(t);
  const dialledAt: number[] = [];
  hub.on('dialled', () => dialledAt.push(clock.now()));
  const agent = new Agent(
    {
      hub: { url: new URL(hub.url), ca: undefined, proxy: undefined },
      origin: parseOrigin(hub.url),
      originTrust: systemTrust,
      key: await loadKey(join(temporaryFolder(t), 'key.pem')),
      session: '',
      hostHeader: { kind: 'rewrite' },
      wire: 'v2',
    },
    { log: silentLog, clock, onEvent: () => undefined },
  );
  const refused = once(hub, 'refused');
  const running = agent.run();
  await refused;
  await quietTurns();
  clock.advance(hub.retryAfterSeconds * 500);
  await quietTurns();
  // Whoever has begun to dial by now is there before this is.
  await once(get(hub.url), 'response');
  assert.deepEqual(dialledAt, [0, 0]);
  hub.isOpen = true;
  // The first that it does over a connection.
  const isServed = once(hub, 'probe');
  clock.sleep(60_000, { isCounted: false });
  clock.advance(1_000);
  await isServed;
  assert.deepEqual(dialledAt, [0, 0, 6_000]);
  await agent.close();
  await running;
});
