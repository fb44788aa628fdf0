import { join } from 'node:path';
import { dial } from '#internal/agent/dial';
import { hubLookup } from '#internal/agent/hub-lookup';
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
export async function startHostileAgent(t: Cleanup, hub: { url: string }, answer: HostileAnswer) {
  const key = await loadKey(join(temporaryFolder(t), 'key.pem'));
  const address = { url: new URL(hub.url), ca: undefined, proxy: undefined };
  const { signal } = new AbortController();
  const { websocket, response } = await dial(
    address,
    [v2Subprotocol],
    { clock: systemClock, lookup: hubLookup() },
    signal,
  );
  t.after(() => websocket.terminate());
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
  websocket.resume();
  t.after(() => link.destroy());
  const session = await link.register(prover(key, { origin: new URL(hub.url).origin, session: '' }));
  // It would wait for another connection, and the test's process with it.
  t.after(() => session.end());
  return String(session.hostname);
}
