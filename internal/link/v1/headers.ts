import {
  canonicalFieldName,
  eachField,
  type Fields,
  fieldValueToText,
  isFieldName,
  isFieldValue,
  textToFieldValue,
  trimBlanks,
} from '#internal/http1/fields';
import type { V1Headers } from '#messages/v1';

/** Field lines as a v1 object: canonical names, one text each. Tells when a Set-Cookie had to stay behind. */
export function toV1Headers(fields: Fields, onLostCookie: () => void = () => undefined): V1Headers {
  const headers: V1Headers = {};
  for (const [name, value] of eachField(fields)) {
    const key = canonicalFieldName(name);
    const known = Object.hasOwn(headers, key) ? headers[key] : undefined;
    const text = fieldValueToText(value);
    if (key === '__proto__') Object.defineProperty(headers, key, { value: text, enumerable: true, writable: true });
    else if (known === undefined) headers[key] = text;
    // Cookies that are joined can't be told apart again (RFC 6265 §3), so only the first one can travel.
    else if (key === 'Set-Cookie') onLostCookie();
    else headers[key] = `${known}${key === 'Cookie' ? '; ' : ', '}${text}`;
  }
  return headers;
}

/** A v1 object as field lines. Throws an Error that names the field that can't be one. */
export function fromV1Headers(headers: V1Headers): string[] {
  const fields: string[] = [];
  for (const name of Object.keys(headers)) {
    const value = trimBlanks(textToFieldValue(headers[name] as string));
    if (!isFieldName(name) || !isFieldValue(value)) {
      throw new Error(`header ${JSON.stringify(name).slice(0, 80)} is not a valid field`);
    }
    fields.push(name, value);
  }
  return fields;
}

/** Splits a request target into the two members of a v1 document. */
export function splitTarget(target: string): { url: string; query: string } {
  const mark = target.indexOf('?');
  return mark === -1 ? { url: target, query: '' } : { url: target.slice(0, mark), query: target.slice(mark + 1) };
}

/** Puts a target together again, encoding what a decoded path may hold and a request target may not. */
export function joinTarget(url: string, query: string): string {
  const path = encodeUnsafe(url).replace(/\?/g, '%3F');
  return query === '' ? path : `${path}?${encodeUnsafe(query)}`;
}

/** Percent-encodes whatever RFC 3986 has no place for, and a `%` that begins no escape. */
function encodeUnsafe(text: string): string {
  return text.replace(/%(?![0-9A-Fa-f]{2})|[^!$%&'()*+,\-./0-9:;=?@A-Z[\]_a-z|~]/gu, (character) =>
    [...Buffer.from(character, 'utf8')].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
