import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { AditError } from '#internal/core/errors';

/** The private service that an agent forwards to. */
export interface OriginAddress {
  isSecure: boolean;
  /** A name or an address, without brackets. */
  hostname: string;
  port: number;
  /** Host and port as a Host field writes them. */
  host: string;
}

/** Reads `3000`, `localhost:3000` or `http://localhost:3000`. Throws ADIT_USAGE. */
export function parseOrigin(text: string): OriginAddress {
  const isPort = /^\d+$/.test(text);
  if (isPort && (Number(text) < 1 || Number(text) > 65_535)) throw refusal(text, 'ports go from 1 to 65535');
  const candidate = isPort ? `http://localhost:${text}` : text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(candidate))
    throw refusal(text, 'write a port such as 3000, or a URL such as http://localhost:3000');
  const url = new URL(candidate);
  const isSecure = url.protocol === 'https:';
  if (!isSecure && url.protocol !== 'http:') throw refusal(text, `${url.protocol}// is neither http:// nor https://`);
  if (url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw refusal(text, 'a service is a scheme, a host and a port, without a path or a user');
  }
  const port = Number(url.port || (isSecure ? 443 : 80));
  return { isSecure, hostname: url.hostname.replace(/^\[|\]$/g, ''), port, host: url.host };
}

function refusal(text: string, why: string): AditError {
  return new AditError('ADIT_USAGE', `cannot publish "${text}": ${why}`);
}

/**
 * Resolves names as `dns.lookup` does, but gives `localhost` and all names below it both loopback addresses, IPv4
 * first: development servers listen on either, and not every resolver knows the names (RFC 6761 §6.3).
 */
export const lookupWithLocalhost: LookupFunction = (hostname, options, callback) => {
  if (!/^(.+\.)?localhost\.?$/i.test(hostname)) {
    lookup(hostname, options, callback);
    return;
  }
  const both = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  const wanted = both.filter(({ family }) => !options.family || options.family === family);
  process.nextTick(() => {
    if (options.all) callback(null, wanted);
    else callback(null, wanted[0]?.address ?? '127.0.0.1', wanted[0]?.family);
  });
};
