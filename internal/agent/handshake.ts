import type { IncomingHttpHeaders } from 'node:http';
import { AditError } from '#internal/core/errors';

/** An HTTP answer to a handshake that should have become a websocket. */
export interface HandshakeAnswer {
  status: number;
  headers: IncomingHttpHeaders;
}

/**
 * What a hub, or what stands before it, means by not accepting a websocket: ADIT_REFUSED when another attempt would end
 * the same way, else ADIT_HUB_BUSY or ADIT_LINK_LOST. docs/agent.md has the table.
 */
export function handshakeError({ status, headers }: HandshakeAnswer, wallMs: number): AditError {
  const seconds = retryAfterSeconds(headers, wallMs);
  const options = seconds === undefined ? {} : { retryAfterSeconds: seconds };
  const answered = `it answered ${status} to the websocket handshake`;
  if (status === 401 || status === 403) {
    return new AditError('ADIT_REFUSED', `${answered}: what stands before the hub does not let this agent pass`);
  }
  if (status === 426) {
    return new AditError('ADIT_REFUSED', `${answered}: what stands before the hub does not pass websockets`);
  }
  if (status === 429 || status === 503) {
    return new AditError('ADIT_HUB_BUSY', `${answered}: it asks to try again later`, options);
  }
  if (status >= 500) return new AditError('ADIT_LINK_LOST', `${answered}: the hub is not there`, options);
  const { location } = headers;
  const hint = status >= 300 && status < 400 && location ? `it points to ${location}` : 'is it a hub?';
  return new AditError('ADIT_LINK_LOST', `${answered}: ${hint}`, options);
}

/** What an HTTP proxy means by not connecting us; it has answered, nobody behind it. */
export function proxyError({ status, headers }: HandshakeAnswer, proxy: URL, wallMs: number): AditError {
  const answered = `the proxy ${proxy.host} itself answered ${status}`;
  if (status === 407) {
    const advice = 'it wants a name and a password: write them into HTTPS_PROXY as http://name:password@host:port';
    return new AditError('ADIT_REFUSED', `${answered}: ${advice}`);
  }
  const seconds = retryAfterSeconds(headers, wallMs);
  return new AditError('ADIT_LINK_LOST', `${answered}: it did not connect us`, {
    ...(seconds !== undefined && { retryAfterSeconds: seconds }),
  });
}

/** Reads `Retry-After`: seconds, or a date (RFC 9110 §10.2.3). That is by the clock of whoever wrote it, not by ours. */
function retryAfterSeconds({ 'retry-after': text, date }: IncomingHttpHeaders, wallMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  const seconds = Math.ceil((Date.parse(text) - (Date.parse(date ?? '') || wallMs)) / 1_000);
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}
