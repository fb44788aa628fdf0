import type { Fields } from '#internal/http1/fields';
import type { RequestHead } from '#internal/http1/head';
import { isIdempotent } from '#internal/http1/idempotent';

/** What the origin is told as Host: its own name, the public one, or a given one. */
export type HostHeader = { kind: 'rewrite' } | { kind: 'preserve' } | { kind: 'value'; value: string };

/** The hosts that a request may be asked under. */
export interface RequestHosts {
  hostHeader: HostHeader;
  /** The origin's own. */
  own: string;
  scheme: 'http' | 'https';
  /** The one under which visitors ask at present, for hubs that do not tell it with each request. */
  visited: () => string | undefined;
}

/** What the service is called in a request. */
export interface RequestNames {
  /** What it is told. */
  host: string;
  /** The URL of its root for visitors, without the last slash. Undefined where it has no other name, or none is known. */
  publicUrl: string | undefined;
  /** The `Origin` of the page that asks. */
  origin: string | undefined;
}

/** A request as the origin gets it. */
export interface OriginRequest {
  method: string;
  /** The whole head as it goes on the wire, in latin1. */
  head: string;
  /** The bytes of body that follow: Infinity when the length is not known, NaN when it is not said well. */
  bodyBytes: number;
  isUpgrade: boolean;
  /** Whether it can be sent again as it was: it is idempotent and has no body. */
  isRepeatable: boolean;
  /** Whether it may sign in the connection on which it travels, for all requests behind it. */
  signsIn: boolean;
  names: RequestNames;
}

/** They sign in the connection and not the one request (RFC 4559 §6): what follows on it is taken for that user's. */
const connectionSchemes = /^(ntlm|negotiate)\b/i;

/** What the fields of a request say to the origin, whatever is asked for. */
interface OriginFields {
  /** The field lines as they go on the wire, and the empty one. */
  lines: string;
  bodyBytes: number;
  isUpgrade: boolean;
  signsIn: boolean;
  names: RequestNames;
}

/** Makes the requests for one origin. Heads come again, and so do their fields, as the very same objects. */
export class OriginRequests {
  readonly #hosts: RequestHosts;
  #lastFields: { fields: Fields; visited: string | undefined; made: OriginFields } | undefined;
  #last: { head: RequestHead; fields: OriginFields; made: OriginRequest } | undefined;

  constructor(hosts: RequestHosts) {
    this.#hosts = hosts;
  }

  of(head: RequestHead): OriginRequest {
    const fields = this.#fieldsOf(head.fields);
    let last = this.#last;
    if (last?.head !== head || last.fields !== fields) {
      this.#last = last = { head, fields, made: originRequest(head, fields) };
    }
    return last.made;
  }

  #fieldsOf(fields: Fields): OriginFields {
    const visited = this.#hosts.visited();
    let last = this.#lastFields;
    if (last?.fields !== fields || last.visited !== visited) {
      this.#lastFields = last = { fields, visited, made: originFields(fields, this.#hosts, visited) };
    }
    return last.made;
  }
}

function originRequest(
  { method, target }: RequestHead,
  { lines, bodyBytes, isUpgrade, signsIn, names }: OriginFields,
): OriginRequest {
  return {
    method,
    head: [method, ' ', target, ' HTTP/1.1\r\n', lines].join(''),
    bodyBytes,
    isUpgrade,
    isRepeatable: bodyBytes === 0 && !isUpgrade && isIdempotent(method),
    signsIn,
    names,
  };
}

/** Goes over the fields once. */
function originFields(fields: Fields, hosts: RequestHosts, visited: string | undefined): OriginFields {
  const lines: string[] = [];
  let told: string | undefined;
  let length: string | undefined;
  let origin: string | undefined;
  let destination: { at: number; url: string } | undefined;
  let scheme: string | undefined;
  let prefix = '';
  let isChunked = false;
  let isUpgrade = false;
  let signsIn = false;
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
      case 'authorization':
      case 'proxy-authorization':
        signsIn ||= connectionSchemes.test(value);
        break;
      case 'destination':
        destination = { at: lines.length, url: value };
        break;
      case 'origin':
        origin = value;
        break;
      case 'x-forwarded-host':
        told ??= value;
        break;
      case 'x-forwarded-proto':
        scheme = value;
        break;
      case 'x-forwarded-prefix':
        prefix = value;
        break;
    }
    lines.push(`${name}: ${value}\r\n`);
  }
  if (told === undefined && visited !== undefined) lines.push(`X-Forwarded-Host: ${visited}\r\n`);
  // Two framings would be read in two ways: the coding is the one that counts (RFC 9112 §6.3).
  if (isChunked) lines.push('Transfer-Encoding: chunked\r\n');
  else if (length !== undefined) lines.push(`Content-Length: ${length}\r\n`);
  const bodyBytes = isChunked ? Number.POSITIVE_INFINITY : parseLength(length ?? '0');
  const publicHost = told ?? visited;
  const host = hostOf(hosts, publicHost);
  const isRenamed = scheme !== undefined && publicHost !== undefined && publicHost !== host;
  const publicUrl = isRenamed ? `${scheme}://${publicHost}${prefix}` : undefined;
  if (destination && publicUrl !== undefined) {
    const url = ownUrl(destination.url, publicUrl, `${hosts.scheme}://${host}`);
    lines[destination.at] = `Destination: ${url}\r\n`;
  }
  lines.unshift(`Host: ${host}\r\n`);
  lines.push('\r\n');
  // One piece, not a tree of added ones: it is kept for the next request with the same fields.
  return { lines: lines.join(''), bodyBytes, isUpgrade, signsIn, names: { host, publicUrl, origin } };
}

/** Where WebDAV moves something to (RFC 4918 §10.3), by the name that the service is told: it moves nothing to elsewhere. */
function ownUrl(destination: string, publicUrl: string, own: string): string {
  const isPublic = destination.toLowerCase().startsWith(`${publicUrl.toLowerCase()}/`);
  return isPublic ? own + destination.slice(publicUrl.length) : destination;
}

function parseLength(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function hostOf({ hostHeader, own }: RequestHosts, visited: string | undefined): string {
  switch (hostHeader.kind) {
    case 'rewrite':
      return own;
    case 'preserve':
      return visited ?? own;
    case 'value':
      return hostHeader.value;
  }
}
