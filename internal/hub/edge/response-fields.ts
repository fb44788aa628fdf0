import { endToEndFields, type Fields, fieldList } from '#internal/http1/fields';
import { cookieDomain, keepAttributes, namesDomain } from '#internal/http1/set-cookie';

export interface PublicAddress {
  /** The domain that all tunnels share; empty when there is none. */
  domain: string;
  /** What path routing took off the target; empty when the host named the tunnel. */
  prefix: string;
}

/**
 * The fields of an origin's response that a visitor may see. `Adit-*` speaks for the hub alone. A cookie for the whole
 * domain would be sent to every tunnel of it, and with path routing all tunnels share one browser origin, so there a
 * response may claim no more than its own prefix.
 */
export function visibleResponseFields(fields: Fields, { domain, prefix }: PublicAddress): string[] {
  const isShared = prefix !== '';
  const passed = endToEndFields(
    fields,
    (name) => name.startsWith('adit-') || (isShared && name === 'service-worker-allowed'),
  );
  for (let i = 0; i < passed.length; i += 2) {
    const name = passed[i] as string;
    if (name.length !== 10 || name.toLowerCase() !== 'set-cookie') continue;
    const cookie = passed[i + 1] as string;
    if (isShared || namesDomain(cookie)) passed[i + 1] = narrowCookie(cookie, { domain, prefix });
  }
  // Requests leave it behind, as what is meant for the next hop. But visitors are sent the trailers, whatever way they came.
  const trailer = fieldList(fields, 'trailer');
  if (trailer !== '') passed.push('Trailer', trailer);
  return passed;
}

function narrowCookie(cookie: string, { domain, prefix }: PublicAddress): string {
  return keepAttributes(cookie, (name, value) => {
    if (name === 'domain') return prefix === '' && !coversDomain(value, domain);
    if (name === 'path') return prefix === '' || value === prefix || value.startsWith(`${prefix}/`);
    return true;
  });
}

/** Whether a cookie for `value` would also go to other tunnels of `domain`. */
function coversDomain(value: string, domain: string): boolean {
  const covered = cookieDomain(value).replace(/\.$/, '');
  return domain !== '' && (domain === covered || domain.endsWith(`.${covered}`));
}
