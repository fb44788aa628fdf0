/** Where on its way an exchange failed: visitor → hub → link → agent → origin. */
export type Leg = 'visitor' | 'hub' | 'link' | 'agent' | 'origin';

/** What a visitor can be told. Texts may change, codes may not: programs match on them. */
export const visitorErrors = {
  ADIT_BAD_REQUEST: { status: 400, leg: 'visitor', title: 'The request is not valid HTTP' },
  ADIT_HOST_UNKNOWN: { status: 404, leg: 'visitor', title: 'No such host here' },
  ADIT_TUNNEL_UNKNOWN: { status: 404, leg: 'visitor', title: 'No such tunnel' },
  ADIT_METHOD_NOT_ALLOWED: { status: 405, leg: 'visitor', title: 'This method cannot be forwarded' },
  ADIT_REQUEST_TIMEOUT: { status: 408, leg: 'visitor', title: 'The request took too long to arrive' },
  ADIT_REQUEST_TOO_LARGE: { status: 413, leg: 'visitor', title: 'The request is too large' },
  ADIT_TARGET_TOO_LONG: { status: 414, leg: 'visitor', title: 'The address is too long' },
  ADIT_EXPECTATION_FAILED: { status: 417, leg: 'visitor', title: 'The expectation cannot be met' },
  ADIT_UPGRADE_REQUIRED: { status: 426, leg: 'visitor', title: 'This needs another protocol version' },
  ADIT_RATE_LIMITED: { status: 429, leg: 'hub', title: 'Too many requests' },
  ADIT_HEAD_TOO_LARGE: { status: 431, leg: 'visitor', title: 'The request head is too large' },
  ADIT_INTERNAL: { status: 500, leg: 'hub', title: 'The hub made a mistake' },
  ADIT_CODING_UNSUPPORTED: { status: 501, leg: 'visitor', title: 'This transfer coding is not supported' },
  ADIT_TUNNEL_OFFLINE: { status: 502, leg: 'agent', title: 'This tunnel is offline' },
  ADIT_LINK_LOST: { status: 502, leg: 'link', title: 'The tunnel was interrupted' },
  ADIT_AGENT_BAD_ANSWER: { status: 502, leg: 'agent', title: 'The tunnel gave an answer that is not valid' },
  ADIT_ORIGIN_UNREACHABLE: { status: 502, leg: 'origin', title: 'Nothing answers behind this tunnel' },
  ADIT_ORIGIN_FAILED: { status: 502, leg: 'origin', title: 'The service behind this tunnel broke off' },
  ADIT_RESPONSE_TOO_LARGE: { status: 502, leg: 'origin', title: 'The answer is too large' },
  ADIT_UPGRADE_REFUSED: { status: 502, leg: 'origin', title: 'The service refused the websocket' },
  ADIT_TUNNEL_BUSY: { status: 503, leg: 'hub', title: 'This tunnel is busy' },
  ADIT_LOOKUP_FAILED: { status: 503, leg: 'hub', title: 'The hub cannot look up this tunnel' },
  ADIT_TUNNEL_RECONNECTING: { status: 503, leg: 'link', title: 'This tunnel is reconnecting' },
  ADIT_RESPONSE_TIMEOUT: { status: 504, leg: 'origin', title: 'The service did not answer in time' },
  ADIT_VERSION_UNSUPPORTED: { status: 505, leg: 'visitor', title: 'This version of HTTP is not spoken here' },
} as const satisfies Record<string, { status: number; leg: Leg; title: string }>;

/** What ends a command, and with which exit code. */
export const commandErrors = {
  ADIT_FAILED: 1,
  ADIT_ADDRESS_IN_USE: 1,
  ADIT_USAGE: 2,
  ADIT_KEY_UNUSABLE: 2,
  ADIT_CERTIFICATE_UNUSABLE: 2,
  ADIT_SESSION_IN_USE: 2,
  ADIT_REPLACED: 3,
  ADIT_REFUSED: 4,
} as const;

/** What hub and agent tell each other, and nobody else: nobody waits for an answer; a later registration may succeed. */
type LinkErrorCode = 'ADIT_VISITOR_GONE' | 'ADIT_HUB_BUSY';

export type VisitorErrorCode = keyof typeof visitorErrors;
export type CommandErrorCode = keyof typeof commandErrors;
export type ErrorCode = VisitorErrorCode | CommandErrorCode | LinkErrorCode;

/** The one error of Adit. The message says in lower case what was attempted and what to do. */
export class AditError extends Error {
  readonly code: ErrorCode;
  /** When another attempt makes sense. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AditError';
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Whether a text is a code that a visitor may be shown. */
export function isVisitorErrorCode(text: string): text is VisitorErrorCode {
  return Object.hasOwn(visitorErrors, text);
}

/** The text of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '') {
    // Addresses are tried in turn: that they failed in another order is nothing new.
    return thrown.errors.map(messageOf).sort().join('; ');
  }
  return thrown instanceof Error ? thrown.message : String(thrown);
}
