// Agents that are hardly more than their websockets, so that a hub is measured and not they: they register by the wire
// that is named, and come back as agents do. Usage: bare-agents.ts HUB WIRE COUNT KEY. Whenever all of them are online
// it prints, as a line of JSON, when each came to be: milliseconds since 1970.
import { setTimeout } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { loadKey } from '#internal/agent/key';
import { prover } from '#internal/agent/registration-proof';
import { registrationToken } from '#internal/agent/registration-token';
import { Backoff } from '#internal/core/backoff';
import { version } from '#internal/core/version';
import { linkOptions } from '#internal/link/websocket-link';
import { limits } from '#messages/limits';
import { decodeSessionPacket, encodeSessionPacket, sessionUnknown, v2Subprotocol } from '#messages/v2';
import { DocumentSocket } from './document-socket.ts';

const [url = '', wire, count, keyPath = ''] = process.argv.slice(2);
const { origin } = new URL(url);
const key = await loadKey(keyPath);
/** How many register at once in the beginning. */
const atOnce = 50;

interface BareAgent {
  name: string;
  /** What it goes on with, on wire v2. */
  resumed: { id: string; epoch: number } | undefined;
}

let onlineAt: number[] = [];

/** Registers with a websocket that is open or about to be. Resolves when that is done. */
type Register = (websocket: WebSocket, agent: BareAgent) => Promise<void>;

const registerV1: Register = async (websocket, { name }) => {
  const socket = new DocumentSocket(websocket);
  const token = registrationToken(key, { hub: origin, wallMs: Date.now() });
  await new Promise((resolve, reject) => websocket.once('open', resolve).once('error', reject));
  socket.send('registration-request', { mandateToken: await token, session: name });
  await socket.next('registration-response');
};

const registerV2: Register = async (websocket, agent) => {
  const prove = prover(key, { origin, session: agent.name });
  await new Promise<void>((resolve, reject) => {
    websocket.once('error', reject).once('close', reject);
    websocket.on('message', (bytes: Buffer) => {
      const packet = decodeSessionPacket(bytes);
      switch (packet?.kind) {
        case 'hello': {
          const proof = prove(packet.nonce, agent.resumed);
          const common = { versions: [2], agent: `adit/${version}`, limits: { streams: limits.streamCount } };
          const answer = agent.resumed
            ? encodeSessionPacket({ kind: 'resume', ...proof })
            : encodeSessionPacket({ kind: 'register', ...common, ...proof });
          websocket.send(answer);
          return;
        }
        case 'rejected':
          if (packet.code !== sessionUnknown) reject(new Error(packet.message));
          agent.resumed = undefined;
          return;
        case 'registered':
          agent.resumed = { id: packet.session, epoch: packet.epoch };
          resolve();
          return;
        case 'ping':
          websocket.send(encodeSessionPacket({ kind: 'pong', token: packet.token }));
          return;
        default:
      }
    });
  });
};

const [register, subprotocols] = wire === 'v1' ? [registerV1, []] : [registerV2, [v2Subprotocol]];

/** Resolves when the agent is online, after as many attempts as that takes; from then on it comes back by itself. */
async function come(agent: BareAgent): Promise<void> {
  const backoff = new Backoff();
  const leftAt = performance.now();
  for (;;) {
    const websocket = new WebSocket(`${url.replace(/^http/, 'ws')}/proxy/subscribe`, subprotocols, {
      ...linkOptions,
      headers: { 'Adit-Version': version },
    });
    try {
      await register(websocket, agent);
      websocket.once('close', () => void come(agent));
      break;
    } catch {
      websocket.on('error', () => undefined).terminate();
    }
    await setTimeout(backoff.next(performance.now() - leftAt));
  }
  onlineAt.push(performance.timeOrigin + performance.now());
  if (onlineAt.length < Number(count)) return;
  console.log(JSON.stringify(onlineAt));
  onlineAt = [];
}

const agents = Array.from({ length: Number(count) }, (_, i): BareAgent => ({ name: `s${i}`, resumed: undefined }));
while (agents.length > 0) await Promise.all(agents.splice(0, atOnce).map(come));
