import { type Connection, connect } from '#internal/agent/connection';
import type { AgentKey } from '#internal/agent/key';
import { lookupWithLocalhost } from '#internal/agent/origin-address';
import { systemClock } from '#internal/core/clock';
import { silentLog } from '#internal/core/log';
import type { AcceptStream } from '#internal/link/stream';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import type { Cleanup } from './processes.ts';

export interface RegisterOptions {
  hub: { url: string };
  key: AgentKey;
  wire: 'v1' | 'v2';
  accept: AcceptStream;
}

/** An agent inside this process that registers once, and does not come back. Rejects when it is refused. */
export async function registerAgent(
  t: Cleanup,
  { hub, key, wire, accept }: RegisterOptions,
): Promise<{ hostname: string; connection: Connection }> {
  const connection = await connect(
    { hub: { url: new URL(hub.url), ca: undefined, proxy: undefined }, key, session: '', wire },
    {
      clock: systemClock,
      log: silentLog,
      windows: new WindowBudget(limits.processWindows),
      accept,
      onRegistered: () => undefined,
      onDrain: () => undefined,
      onProbed: () => undefined,
      onRoundTrip: () => undefined,
      lookup: lookupWithLocalhost,
      resumed: undefined,
    },
    new AbortController().signal,
  );
  t.after(() => connection.destroy());
  return { hostname: String(connection.hostname), connection };
}
