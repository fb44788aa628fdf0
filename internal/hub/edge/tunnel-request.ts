import type { RequestHead } from '#internal/http1/head';
import { isIdempotent } from '#internal/http1/idempotent';
import type { ParsedRequest } from '#internal/http1/parse-head';
import type { PublicAddress } from './response-fields.ts';
import type { Upgrade } from './upgrade.ts';

/** What a visitor asks of a tunnel. */
export interface TunnelRequest {
  clientId: string;
  /** As it was read. */
  request: ParsedRequest;
  /** The head for the agent, but for what depends on the wire. */
  head: RequestHead;
  hasBody: boolean;
  isChunked: boolean;
  upgrade: Upgrade | undefined;
  isContinueExpected: boolean;
  /** Whether the visitor says that it takes trailers. Some services send none to whoever does not (RFC 9110 §6.5.1). */
  takesTrailers: boolean;
  publicAddress: PublicAddress;
  /** Called once when the exchange is over. */
  onOver: (() => void) | undefined;
}

/** Whether it can be sent once more when it is not known what came of it, and all of it is still here. */
export function isRepeatable({ head, hasBody, upgrade }: TunnelRequest): boolean {
  return !hasBody && upgrade === undefined && isIdempotent(head.method);
}

/** The head for the agent, with what its wire lets pass. */
export function headForAgent(
  { head, upgrade, isChunked, takesTrailers }: TunnelRequest,
  passes: { isUpgrade: boolean; isExpect: boolean; areTrailers: boolean },
): RequestHead {
  const added: string[] = [];
  if (passes.isExpect) added.push('Expect', '100-continue');
  if (upgrade && passes.isUpgrade) added.push('Connection', 'Upgrade', 'Upgrade', upgrade.protocols);
  else if (takesTrailers && passes.areTrailers) added.push('Connection', 'TE', 'TE', 'trailers');
  // That the length is not known stands last: so streams have it.
  if (isChunked) added.push('Transfer-Encoding', 'chunked');
  if (added.length === 0) return head;
  const { method, target, fields } = head;
  return { method, target, fields: [...fields, ...added] };
}
