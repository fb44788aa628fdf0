import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { loadKey } from '#internal/agent/key';
import { prover } from '#internal/agent/registration-proof';
import { systemClock } from '#internal/core/clock';
import { silentLog } from '#internal/core/log';
import type { RequestHead } from '#internal/http1/head';
import type { AcceptedStream, StreamHandler } from '#internal/link/stream';
import { V2AgentLink } from '#internal/link/v2/agent-link';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { packetLink } from '#internal/link/websocket-link';
import { limits } from '#messages/limits';
import { v2Subprotocol } from '#messages/v2';
import { type Cleanup, temporaryFolder } from './processes.ts';

/** Answers a stream as soon as it is opened, however it likes. */
export type HostileAnswer = (stream: AcceptedStream, head: RequestHead) => void;

/** An agent of wire v2 without an origin: nothing of what it answers is checked. Gives its hostname. */
export async function startHostileAgent(t: Cleanup, hub: { port: number; url: string }, answer: HostileAnswer) {
  const key = await loadKey(join(temporaryFolder(t), 'key.pem'));
  const websocket = new WebSocket(`ws://127.0.0.1:${hub.port}/proxy/subscribe`, v2Subprotocol);
  t.after(() => websocket.terminate());
  const [response] = (await once(websocket, 'upgrade')) as [IncomingMessage];
  const ignore = (): void => undefined;
  const handler: StreamHandler = { data: ignore, ended: ignore, drained: ignore, stopped: ignore, reset: ignore };
  const link = new V2AgentLink(
    {
      clock: systemClock,
      log: silentLog,
      windows: new WindowBudget(limits.processWindows),
      accept: (head, stream) => {
        process.nextTick(() => answer(stream, head));
        return handler;
      },
      onRegistered: ignore,
      onDrain: ignore,
      onClosed: ignore,
    },
    (links) => packetLink(websocket, response.socket, { isMasked: false }, links),
  );
  t.after(() => link.destroy());
  const { hostname } = await link.register(prover(key, { origin: new URL(hub.url).origin, session: '' }));
  return String(hostname);
}
