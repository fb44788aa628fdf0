import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { AditError } from '#internal/core/errors';

/** The private service that an agent forwards to. */
export interface OriginAddress {
  isSecure: boolean;
  /** Where its connections lead: a name or an address without brackets, or a local socket. */
  endpoint: { host: string; port: number } | { path: string };
  /** Host and port as a Host field writes them. */
  host: string;
  /** What people know it by. */
  name: string;
}

/** Reads `3000`, `localhost:3000`, `http://localhost:3000` or `unix:/run/app.sock`. Throws ADIT_USAGE. */
export function parseOrigin(text: string): OriginAddress {
  if (/^unix:/i.test(text)) return parseSocket(text);
  const isPort = /^-?\d+$/.test(text);
  if (isPort && (Number(text) < 1 || Number(text) > 65_535)) throw refusal(text, 'ports go from 1 to 65535');
  const candidate = isPort ? `http://localhost:${text}` : text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(candidate))
    throw refusal(text, 'write a port such as 3000, or a URL such as http://localhost:3000');
  const url = new URL(candidate);
  const isSecure = url.protocol === 'https:';
  if (!isSecure && url.protocol !== 'http:') {
    throw refusal(text, `${url.protocol}// is none of http://, https:// and unix:`);
  }
  if (url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw refusal(text, 'a service is a scheme, a host and a port, without a path or a user');
  }
  const port = Number(url.port || (isSecure ? 443 : 80));
  const endpoint = { host: url.hostname.replace(/^\[|\]$/g, ''), port };
  return { isSecure, endpoint, host: url.host, name: url.host };
}

const isWindows = process.platform === 'win32';
/** What the operating system takes of a socket's path; a named pipe of Windows has other limits. */
const maxPathBytes = isWindows ? 256 : process.platform === 'darwin' ? 103 : 107;
/** The only local sockets that Node.js connects to on Windows. */
const pipe = /^[\\/]{2}[^\\/]+[\\/]pipe[\\/]./i;

function parseSocket(text: string): OriginAddress {
  // Three slashes are how a URL would write an absolute path.
  const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
  if (path === '' || path.includes('\0')) throw refusal(text, 'write the path of a socket, such as unix:/run/app.sock');
  if (isWindows && !pipe.test(path)) {
    throw refusal(text, 'on Windows write the name of a pipe, such as unix:\\\\.\\pipe\\app');
  }
  if (Buffer.byteLength(path) > maxPathBytes) {
    throw refusal(text, `the path of a socket has at most ${maxPathBytes} bytes here`);
  }
  return { isSecure: false, endpoint: { path }, host: 'localhost', name: `unix:${path}` };
}

function refusal(text: string, why: string): AditError {
  return new AditError('ADIT_USAGE', `cannot publish "${text}": ${why}`);
}

/** Whether a name is `localhost` or one below it: those are this machine (RFC 6761 §6.3). */
export function isLocalhost(hostname: string): boolean {
  return /^(.+\.)?localhost\.?$/i.test(hostname);
}

/**
 * Resolves names as `dns.lookup` does, but gives `localhost` and all names below it both loopback addresses, IPv4
 * first: development servers listen on either, and not every resolver knows the names.
 */
export const lookupWithLocalhost: LookupFunction = (hostname, options, callback) => {
  if (!isLocalhost(hostname)) {
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
