/** The public URLs of a hub: the ones that agents dial and sign their registrations for. */
export class BaseUrls {
  readonly #origins: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;
  /** The first one, as it is printed and named in refusals. */
  readonly primary: string;

  /** Takes at least one http(s) URL without a path. */
  constructor(urls: readonly [URL, ...URL[]]) {
    this.primary = urls[0].origin;
    this.#origins = new Set(urls.map(comparableOrigin));
    this.#hosts = new Set(urls.map((url) => comparableHost(url.hostname)));
  }

  /** Those that were given, or else the one that is made of what we listen on. */
  static of(given: readonly URL[], own: { isSecure: boolean; domain: string; port: number }): BaseUrls {
    const [first, ...rest] = given;
    if (first) return new BaseUrls([first, ...rest]);
    return new BaseUrls([new URL(`${own.isSecure ? 'https' : 'http'}://${own.domain || 'localhost'}:${own.port}`)]);
  }

  /** Whether a URL names this hub: same scheme, host and port. */
  hasOrigin(url: URL): boolean {
    return this.#origins.has(comparableOrigin(url));
  }

  /** Whether a host name (without port, lower case) is one of this hub's own. */
  hasHost(host: string): boolean {
    return this.#hosts.has(comparableHost(host));
  }

  /** Whether every name is this machine's own. */
  get isLoopback(): boolean {
    return [...this.#hosts].every((host) => host === 'localhost');
  }

  toString(): string {
    return [...this.#origins].join(', ');
  }
}

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The names of the loopback interface count as one. */
function comparableHost(hostname: string): string {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  return loopbackNames.has(host) ? 'localhost' : host;
}

function comparableOrigin(url: URL): string {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return `${url.protocol}//${comparableHost(url.hostname)}:${port}`;
}
