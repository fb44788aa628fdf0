import { eachField, endToEndFields, type Fields } from './fields.ts';

/**
 * Fields that decide how a message is framed, routed, trusted or kept. Whoever reads them in a trailer has decided
 * already, or would decide again (RFC 9110 §6.5.1).
 */
const forbidden =
  /^(content-|x-forwarded-|adit-)|^(host|expect|max-forwards|range|if-.+|authorization|cookie|set-cookie|www-authenticate|cache-control|age|date|expires|location|retry-after|vary|forwarded)$/;

/** The fields of a trailer section that may pass. */
export function trailerFields(fields: Fields): Fields {
  return fields.length === 0 ? fields : endToEndFields(fields, (name) => forbidden.test(name));
}

/** The end of a chunked body (RFC 9112 §7.1.2): the last chunk and the trailers. Encode it as latin1. */
export function writeLastChunk(trailers: Fields): string {
  let out = '0\r\n';
  for (const [name, value] of eachField(trailerFields(trailers))) out += `${name}: ${value}\r\n`;
  return `${out}\r\n`;
}
