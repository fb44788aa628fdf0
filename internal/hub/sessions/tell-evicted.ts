import type { Bus } from '#internal/bus/bus';
import { encodeNodeMessage } from '#messages/node';
import type { Loss } from '../directory/directory.ts';

/** Tells sessions what they have lost: over the bus whichever hub holds them, so that there is one way. */
export function tellEvicted(bus: Pick<Bus, 'publish'>, losses: readonly Loss[]): void {
  for (const { previous, clientId } of losses) {
    bus.publish(previous.node, encodeNodeMessage('evicted', previous.session), Buffer.from(clientId));
  }
}
