import { endToEndFields, type Fields, isForwardingField } from './fields.ts';
import { writeFields } from './head.ts';

/**
 * Fields that decide how a message is framed, routed, trusted or kept. Whoever reads them in a trailer has decided
 * already, or would decide again (RFC 9110 §6.5.1). Of what is said about the content only its digest is known late.
 */
const forbidden =
  /^(content-(?!digest$)|adit-)|^(host|expect|max-forwards|range|if-.+|authorization|cookie|set-cookie|www-authenticate|cache-control|age|date|expires|location|retry-after|vary)$/;

/** The trailers that pass: hub and agent both look, whatever way they go, since neither knows who made the other. */
export function passableTrailers(trailers: Fields): Fields {
  if (trailers.length === 0) return trailers;
  return endToEndFields(trailers, (name) => forbidden.test(name) || isForwardingField(name));
}

/** The end of a chunked body (RFC 9112 §7.1.2): the last chunk and the trailers. Encode it as latin1. */
export function writeLastChunk(trailers: Fields): string {
  return `0\r\n${writeFields(trailers)}\r\n`;
}
