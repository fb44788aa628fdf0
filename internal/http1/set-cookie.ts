/** Whether a Set-Cookie names a domain: most name none, and most of what would be taken away is one. */
export function namesDomain(cookie: string): boolean {
  return /;\s*domain/i.test(cookie);
}

/**
 * A Set-Cookie without the attributes that may not stay (RFC 6265 §5.2); its own name and value always do. `mayStay` gets
 * an attribute's lower-case name, and its value without the blanks around it.
 */
export function keepAttributes(cookie: string, mayStay: (lowerName: string, value: string) => boolean): string {
  const [pair = '', ...attributes] = cookie.split(';');
  const kept = attributes.filter((attribute) => {
    const [name = '', ...value] = attribute.split('=');
    return mayStay(name.trim().toLowerCase(), value.join('=').trim());
  });
  return [pair, ...kept].join(';');
}

/** The host of a Domain attribute: a leading dot means nothing (RFC 6265 §5.2.3). */
export function cookieDomain(value: string): string {
  return value.toLowerCase().replace(/^\./, '');
}
