import { once } from 'node:events';
import { clientIdOfKey } from '#messages/client-id';
import { newClientKey, OriginalClient } from '../support/original-client.ts';
import type { Cleanup, HubProcess } from '../support/processes.ts';
import { registerAgent } from '../support/registered-agent.ts';
import { silentHandler } from '../support/stream-origin.ts';
import type { Wire } from './subjects/adit.ts';
import { openFileLimit } from './usage.ts';

/** Files that the bench and the hub have open beside their websockets. */
const otherFiles = 200;
/** Registrations under way at a time. */
const atOnce = 32;

export interface IdleAgents {
  /** Those whose websockets are open. */
  count(): number;
}

/** Registers agents, each with a key and a websocket of its own, that never serve anything. */
export async function registerIdle(scope: Cleanup, hub: HubProcess, count: number, wire: Wire): Promise<IdleAgents> {
  const limit = openFileLimit();
  if (limit < count + otherFiles) {
    throw new Error(
      `${count} agents need ${count + otherFiles} open files, and the limit is ${limit}: raise ulimit -n`,
    );
  }
  let openCount = 0;
  let left = count;
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { closed } = wire === 'v1' ? await registerV1(scope, hub) : await registerV2(scope, hub);
      openCount += 1;
      void closed.then(() => {
        openCount -= 1;
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { count: () => openCount };
}

/** A registered agent; `closed` settles with its websocket. */
interface IdleAgent {
  closed: Promise<unknown>;
}

async function registerV1(scope: Cleanup, hub: HubProcess): Promise<IdleAgent> {
  const client = await OriginalClient.connect(scope, hub);
  await client.register(newClientKey());
  return { closed: once(client.websocket, 'close') };
}

async function registerV2(scope: Cleanup, hub: HubProcess): Promise<IdleAgent> {
  const { privateKey, jwk } = newClientKey();
  const key = { privateKey, publicJwk: jwk, algorithm: 'ES256', clientId: clientIdOfKey(jwk) };
  const { connection } = await registerAgent(scope, { hub, key, wire: 'v2', accept: () => silentHandler });
  return connection;
}
