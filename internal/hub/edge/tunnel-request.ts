import type { RequestHead } from '#internal/http1/head';
import type { ParsedRequest } from '#internal/http1/parse-head';
import type { PublicAddress } from './response-fields.ts';
import type { Upgrade } from './upgrade.ts';

/** What a visitor asks of a tunnel. */
export interface TunnelRequest {
  clientId: string;
  /** As it was read. */
  request: ParsedRequest;
  /** The head for the agent, but for what depends on the wire. */
  head: { method: string; target: string; fields: string[] };
  hasBody: boolean;
  isChunked: boolean;
  upgrade: Upgrade | undefined;
  isContinueExpected: boolean;
  publicAddress: PublicAddress;
  /** Called once when the exchange is over. */
  onOver: (() => void) | undefined;
}

/** Whether it can be sent once more when it is not known what came of it (RFC 9110 §9.2.2), and all of it is still here. */
export function isRepeatable({ head, hasBody, upgrade }: TunnelRequest): boolean {
  return !hasBody && upgrade === undefined && idempotentMethods.has(head.method);
}

const idempotentMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT']);

/** The head for the agent, with what its wire lets pass. Called once, but for requests that are repeatable. */
export function headForAgent(
  { head, upgrade, isChunked }: TunnelRequest,
  passes: { isUpgrade: boolean; isExpect: boolean },
): RequestHead {
  if (passes.isExpect) head.fields.push('Expect', '100-continue');
  if (upgrade && passes.isUpgrade) head.fields.push('Connection', 'Upgrade', 'Upgrade', upgrade.protocols);
  // That the length is not known stands last: so streams have it.
  if (isChunked) head.fields.push('Transfer-Encoding', 'chunked');
  return head;
}
