import type { ResponseHead } from '#internal/http1/head';
import type { RequestNames } from './origin-request.ts';

/**
 * A redirect to the name that the service was told as its own leads to where visitors find it: many make a whole URL of their
 * Host, which means nothing, or something else, on a visitor's machine. All other heads, and redirects to elsewhere, are given
 * back as they are.
 */
export function publicRedirect(head: ResponseHead, { host, publicUrl }: RequestNames): ResponseHead {
  const { status, reason, fields } = head;
  if (publicUrl === undefined || !(status === 201 || (status >= 300 && status < 400))) return head;
  const at = fields.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'location') + 1;
  const [, authority = '', rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(fields[at] ?? '') ?? [];
  if (authority.toLowerCase() !== host.toLowerCase()) return head;
  return { status, reason, fields: fields.with(at, publicUrl + rest) };
}
