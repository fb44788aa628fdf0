import { AditError } from '#internal/core/errors';
import { type Fields, fieldList, fieldValue, listMembers } from '#internal/http1/fields';
import type { ParsedRequest } from '#internal/http1/parse-head';

/** An upgrade that a request asks for. */
export interface Upgrade {
  isWebsocket: boolean;
  /** The protocols, as the `Upgrade` field names them. */
  protocols: string;
}

/**
 * The upgrade that a request asks for, without what is never passed on: other versions of HTTP, which would no longer be
 * read here. A server may ignore Upgrade (RFC 9110 §7.8), and with a body it is ignored. Throws ADIT_BAD_REQUEST or
 * ADIT_UPGRADE_REQUIRED when a websocket handshake is not valid.
 */
export function upgradeOf({ method, version, fields }: ParsedRequest, hasBody: boolean): Upgrade | undefined {
  const asked = fieldList(fields, 'upgrade');
  if (asked === '' || version === '1.0') return undefined;
  if (!listMembers(fieldList(fields, 'connection')).includes('upgrade')) return undefined;
  const protocols = asked
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '' && !/^(h2c|http(\/.*)?)$/i.test(protocol));
  const isWebsocket = protocols.some((protocol) => protocol.toLowerCase() === 'websocket');
  if (isWebsocket) checkWebsocket(method, fields, hasBody);
  return protocols.length === 0 || hasBody ? undefined : { isWebsocket, protocols: protocols.join(', ') };
}

function checkWebsocket(method: string, fields: Fields, hasBody: boolean): void {
  if (method !== 'GET' || hasBody) {
    throw new AditError('ADIT_BAD_REQUEST', 'a websocket handshake is a GET without a body (RFC 6455 §4.1)');
  }
  if (fieldValue(fields, 'sec-websocket-version') !== '13') {
    throw new AditError('ADIT_UPGRADE_REQUIRED', 'websockets are served in version 13 (RFC 6455)');
  }
  if (!/^[A-Za-z0-9+/]{22}==$/.test(fieldList(fields, 'sec-websocket-key'))) {
    throw new AditError('ADIT_BAD_REQUEST', 'Sec-WebSocket-Key is not 16 bytes in base64 (RFC 6455 §4.1)');
  }
}
