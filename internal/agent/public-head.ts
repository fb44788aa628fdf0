import type { ResponseHead } from '#internal/http1/head';
import { cookieDomain, keepAttributes, namesDomain } from '#internal/http1/set-cookie';
import type { RequestNames } from './origin-request.ts';

/**
 * A response's head with the public name where the service used the one that it was told as its own: in a redirect, which
 * would lead to somewhere on the visitor's machine, and as the domain of a cookie, which no browser would take. All others are
 * given back as they are.
 */
export function publicHead(head: ResponseHead, { host, publicUrl }: RequestNames): ResponseHead {
  if (publicUrl === undefined) return head;
  const { status, reason, fields } = head;
  const leads = status === 201 || (status >= 300 && status < 400);
  let made: string[] | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    let passed = value;
    if (leads && name.length === 8 && name.toLowerCase() === 'location')
      passed = publicLocation(value, host, publicUrl);
    if (name.length === 10 && name.toLowerCase() === 'set-cookie') passed = withoutDomain(value, host);
    if (passed === value) continue;
    made ??= [...fields];
    made[i + 1] = passed;
  }
  return made ? { status, reason, fields: made } : head;
}

function publicLocation(location: string, host: string, publicUrl: string): string {
  const [, authority = '', rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(location) ?? [];
  return authority.toLowerCase() === host.toLowerCase() ? publicUrl + rest : location;
}

/** A cookie without a domain is for the name under which the visitor asked. */
function withoutDomain(cookie: string, host: string): string {
  if (!namesDomain(cookie)) return cookie;
  const hostname = host.toLowerCase().replace(/:\d+$/, '');
  return keepAttributes(cookie, (name, value) => name !== 'domain' || cookieDomain(value) !== hostname);
}
