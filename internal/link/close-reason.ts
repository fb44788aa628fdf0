/** What a close frame can hold of a reason, in bytes: 125 with the code (RFC 6455 §5.5). */
const maxBytes = 123;

/** A reason cut so that a close frame can hold it. */
export function closeReason(reason: string): string {
  const bytes = Buffer.from(reason.slice(0, maxBytes), 'utf8');
  if (bytes.length <= maxBytes) return bytes.toString('utf8');
  // A character that was cut in half decodes to a replacement, which is not part of the reason.
  return bytes
    .subarray(0, maxBytes)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
}
