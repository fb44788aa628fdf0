import type { IncomingMessage } from 'node:http';
import { AditError } from '#internal/core/errors';
import { fieldList, fieldValue, listMembers } from '#internal/http1/fields';
import { writeRequestHead } from '#internal/http1/head';
import { isWhole } from './early-response.ts';

/**
 * Whether a request to upgrade asks for a websocket, or for something that is not passed on: a server may ignore
 * Upgrade (RFC 9110 §7.8). Throws ADIT_BAD_REQUEST or ADIT_UPGRADE_REQUIRED when the websocket handshake is not valid.
 */
export function upgradeKind(request: IncomingMessage): 'websocket' | 'ignored' {
  const fields = request.rawHeaders;
  const isWebsocket = listMembers(fieldList(fields, 'upgrade')).includes('websocket');
  if (!isWebsocket) return 'ignored';
  if (request.method !== 'GET' || !isWhole({ complete: false, rawHeaders: fields })) {
    throw new AditError('ADIT_BAD_REQUEST', 'a websocket handshake is a GET without a body (RFC 6455 §4.1)');
  }
  if (fieldValue(fields, 'sec-websocket-version')?.trim() !== '13') {
    throw new AditError('ADIT_UPGRADE_REQUIRED', 'websockets are served in version 13 (RFC 6455)');
  }
  const key = fieldList(fields, 'sec-websocket-key');
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    throw new AditError('ADIT_BAD_REQUEST', 'Sec-WebSocket-Key is not 16 bytes in base64 (RFC 6455 §4.1)');
  }
  return 'websocket';
}

/** The same request's head, as if no upgrade had been asked for. */
export function withoutUpgrade({ method = 'GET', url = '/', rawHeaders }: IncomingMessage): Buffer {
  const dropped = new Set(['upgrade', 'http2-settings', 'connection']);
  const fields = rawHeaders.filter((_, i) => !dropped.has((rawHeaders[i - (i % 2)] as string).toLowerCase()));
  const left = listMembers(fieldList(rawHeaders, 'connection')).filter((member) => !dropped.has(member));
  if (left.length > 0) fields.push('Connection', left.join(', '));
  return Buffer.from(writeRequestHead({ method, target: url, fields }), 'latin1');
}
