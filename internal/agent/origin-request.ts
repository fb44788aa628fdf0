import type { RequestHead } from '#internal/http1/head';

/** What the origin is told as Host: its own name, the public one, or a given one. */
export type HostHeader = { kind: 'rewrite' } | { kind: 'preserve' } | { kind: 'value'; value: string };

/** The hosts that a request may be asked under. */
export interface RequestHosts {
  hostHeader: HostHeader;
  /** The origin's own. */
  own: string;
  /** The one under which visitors ask, for hubs that do not tell it with each request. */
  visited: string | undefined;
}

/** A request as the origin gets it. */
export interface OriginRequest {
  method: string;
  /** The whole head as it goes on the wire, in latin1. */
  head: string;
  /** The bytes of body that follow: Infinity when the length is not known, NaN when it is not said well. */
  bodyBytes: number;
  isUpgrade: boolean;
  /** Whether it can be sent again as it was: it is idempotent (RFC 9110 §9.2.2) and has no body. */
  isRepeatable: boolean;
}

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Makes the request for the origin, in one pass over the fields. */
export function originRequest({ method, target, fields }: RequestHead, hosts: RequestHosts): OriginRequest {
  let lines = '';
  let told: string | undefined;
  let length: string | undefined;
  let isChunked = false;
  let isUpgrade = false;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    switch (name.toLowerCase()) {
      case 'host':
        continue;
      case 'transfer-encoding':
        isChunked = true;
        continue;
      case 'content-length':
        length = length === undefined ? value : `${length}, ${value}`;
        continue;
      case 'upgrade':
        isUpgrade = true;
        break;
      case 'x-forwarded-host':
        told ??= value;
        break;
    }
    lines += `${name}: ${value}\r\n`;
  }
  if (told === undefined && hosts.visited !== undefined) lines += `X-Forwarded-Host: ${hosts.visited}\r\n`;
  // Two framings would be read in two ways: the coding is the one that counts (RFC 9112 §6.3).
  if (isChunked) lines += 'Transfer-Encoding: chunked\r\n';
  else if (length !== undefined) lines += `Content-Length: ${length}\r\n`;
  const bodyBytes = isChunked ? Number.POSITIVE_INFINITY : parseLength(length ?? '0');
  return {
    method,
    head: `${method} ${target} HTTP/1.1\r\nHost: ${hostOf(hosts, told)}\r\n${lines}\r\n`,
    bodyBytes,
    isUpgrade,
    isRepeatable: bodyBytes === 0 && !isUpgrade && idempotent.has(method),
  };
}

function parseLength(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function hostOf({ hostHeader, own, visited }: RequestHosts, told: string | undefined): string {
  switch (hostHeader.kind) {
    case 'rewrite':
      return own;
    case 'preserve':
      return told ?? visited ?? own;
    case 'value':
      return hostHeader.value;
  }
}
