/**
 * Wire v1: the JSON documents of the original Brickchain tunneling proxy, one per websocket text message.
 * `README.md` beside this file tells who sends which and when.
 */
import { randomUUID } from 'node:crypto';

/** One text for each field name. */
export type V1Headers = Record<string, string>;

export type RegistrationRequest = { type: 'registration-request'; id: string; mandateToken: string; session: string };
export type RegistrationResponse = { type: 'registration-response'; id: string; keyID: string; hostname?: string };
export type HTTPRequest = {
  type: 'http-request';
  id: string;
  url: string;
  query: string;
  headers: V1Headers;
  method: string;
  body: Buffer;
};
export type HTTPResponse = {
  type: 'http-response';
  id: string;
  status: number;
  headers: V1Headers;
  contentType: string;
  body: Buffer;
};
export type WSRequest = { type: 'ws-request'; id: string; url: string; query: string; headers: V1Headers };
export type WSResponse = { type: 'ws-response'; id: string; ok: boolean; error: string };
export type WSMessage = { type: 'ws-message'; id: string; messageType: 1 | 2; body: string };
export type WSTeardown = { type: 'ws-teardown'; id: string };
export type Ping = { type: 'ping' };
export type Disconnect = { type: 'disconnect'; id: string };

export type V1Document =
  | RegistrationRequest
  | RegistrationResponse
  | HTTPRequest
  | HTTPResponse
  | WSRequest
  | WSResponse
  | WSMessage
  | WSTeardown
  | Ping
  | Disconnect;

/** A document that breaks the contract. `id` is there when it could still be read, so that one exchange can be failed. */
export class V1DocumentError extends Error {
  readonly id: string | undefined;
  constructor(message: string, id?: string) {
    super(message);
    this.id = id;
  }
}

const prefix = 'https://proxy.brickchain.com/v1/';
const suffix = '.json';

/** A new document id: a UUID v4. */
export const newDocumentId = (): string => randomUUID();

/** Members that the original leaves out when they are empty. */
const omittedWhenEmpty = new Set(['query', 'error', 'session']);

/** Writes a document. `wallMs` (milliseconds since 1970, UTC) becomes its timestamp. */
export function encodeV1(document: V1Document, wallMs: number): string {
  const { type, id = newDocumentId(), ...members } = document as { type: V1Document['type']; id?: string } & Members;
  for (const name of omittedWhenEmpty) if (members[name] === '') members[name] = undefined;
  if (members['body'] instanceof Buffer) members['body'] = members['body'].toString('base64');
  return JSON.stringify({ '@type': prefix + type + suffix, '@timestamp': timestamp(wallMs), '@id': id, ...members });
}

let lastTimestamp = { wallMs: Number.NaN, text: '' };

/** Many documents are written within one millisecond. */
function timestamp(wallMs: number): string {
  if (wallMs !== lastTimestamp.wallMs) lastTimestamp = { wallMs, text: new Date(wallMs).toISOString() };
  return lastTimestamp.text;
}

type Members = Record<string, unknown>;

/**
 * Reads a document. Unknown members are ignored, and a document of an unknown type is `undefined`.
 * Throws {@link V1DocumentError}.
 */
export function decodeV1(text: string): V1Document | undefined {
  let members: unknown;
  try {
    members = JSON.parse(text);
  } catch {
    throw new V1DocumentError('message is not a JSON document');
  }
  if (typeof members !== 'object' || members === null || Array.isArray(members)) {
    throw new V1DocumentError('message is not a JSON object');
  }
  return decodeMembers(members as Members);
}

function decodeMembers(from: Members): V1Document | undefined {
  const name = from['@type'];
  if (typeof name !== 'string') throw new V1DocumentError('document has no @type', idOf(from));
  switch (name.startsWith(prefix) && name.endsWith(suffix) && name.slice(prefix.length, -suffix.length)) {
    case 'registration-request':
      return {
        type: 'registration-request',
        id: id(from),
        mandateToken: text(from, 'mandateToken'),
        session: optionalText(from, 'session'),
      };
    case 'registration-response':
      return decodeRegistrationResponse(from);
    case 'http-request':
      return {
        type: 'http-request',
        ...decodeTarget(from),
        method: text(from, 'method'),
        body: base64(from, 'body'),
      };
    case 'http-response':
      return {
        type: 'http-response',
        id: id(from),
        status: status(from),
        headers: headers(from),
        contentType: optionalText(from, 'contentType'),
        body: base64(from, 'body'),
      };
    case 'ws-request':
      return { type: 'ws-request', ...decodeTarget(from) };
    case 'ws-response':
      return { type: 'ws-response', id: id(from), ok: from['ok'] === true, error: optionalText(from, 'error') };
    case 'ws-message':
      return {
        type: 'ws-message',
        id: id(from),
        messageType: from['messageType'] === 2 ? 2 : 1,
        body: optionalText(from, 'body'),
      };
    case 'ws-teardown':
      return { type: 'ws-teardown', id: id(from) };
    case 'ping':
      return { type: 'ping' };
    case 'disconnect':
      return { type: 'disconnect', id: idOf(from) ?? '' };
    default:
      return undefined;
  }
}

function decodeRegistrationResponse(from: Members): RegistrationResponse {
  const hostname = optionalText(from, 'hostname');
  return {
    type: 'registration-response',
    id: id(from),
    keyID: text(from, 'keyID'),
    ...(hostname === '' ? {} : { hostname }),
  };
}

function decodeTarget(from: Members): { id: string; url: string; query: string; headers: V1Headers } {
  const url = text(from, 'url');
  if (!url.startsWith('/')) throw new V1DocumentError('url does not begin with /', id(from));
  return { id: id(from), url, query: optionalText(from, 'query'), headers: headers(from) };
}

/** A name as an error shows it: strangers choose its length. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}

function idOf(from: Members): string | undefined {
  const value = from['@id'];
  return typeof value === 'string' ? value : undefined;
}

function id(from: Members): string {
  const value = idOf(from);
  if (value === undefined || value === '') throw new V1DocumentError('document has no @id');
  return value;
}

function text(from: Members, name: string): string {
  const value = from[name];
  if (typeof value !== 'string') throw new V1DocumentError(`${name} is not a text`, idOf(from));
  return value;
}

/** Go writes an absent text as nothing, as "" or as null. */
function optionalText(from: Members, name: string): string {
  const value = from[name];
  if (value === undefined || value === null) return '';
  return text(from, name);
}

function status(from: Members): number {
  const value = from['status'];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 200 || value > 599) {
    throw new V1DocumentError('status is not a final HTTP status', idOf(from));
  }
  return value;
}

function headers(from: Members): V1Headers {
  const value = from['headers'];
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new V1DocumentError('headers is not an object', idOf(from));
  }
  for (const [name, field] of Object.entries(value)) {
    if (typeof field !== 'string') throw new V1DocumentError(`header ${shown(name)} is not a text`, idOf(from));
  }
  return value as V1Headers;
}

function base64(from: Members, name: string): Buffer {
  const value = optionalText(from, name);
  const bytes = Buffer.from(value, 'base64');
  const padding = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0;
  // Node skips what is not base64 and also takes the URL alphabet, so a fault shows as a missing byte or one of its letters.
  const isStandard = value.length % 4 === 0 && !value.includes('-') && !value.includes('_');
  if (!isStandard || bytes.length !== (value.length / 4) * 3 - padding) {
    throw new V1DocumentError(`${name} is not standard base64`, idOf(from));
  }
  return bytes;
}
