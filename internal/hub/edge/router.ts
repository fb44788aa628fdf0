import { AditError } from '#internal/core/errors';
import { isClientId } from '#messages/client-id';
import type { BaseUrls } from '../base-urls.ts';

/** A request head that leads to a tunnel. */
export interface TunnelRoute {
  to: 'tunnel';
  clientId: string;
  /** What the visitor asks the origin for, in origin form. */
  target: string;
  /** The host that the visitor named, as it was written. */
  host: string;
  /** What path routing took off the target; empty when the host named the tunnel. */
  prefix: string;
}

/** Where one request head leads. */
export type Route =
  | TunnelRoute
  /** The hub itself; by a host that is not known, only what any host may reach. */
  | { to: 'hub'; target: string; isKnownHost: boolean };

export interface RouterOptions {
  bases: BaseUrls;
  /** Lower case; empty when tunnels have no hostnames. */
  domain: string;
  isPathRouting: boolean;
}

/** Whether tunnels are found by path: with `auto` where they have no hostnames that lead here. */
export function routesByPath(setting: 'auto' | 'on' | 'off', domain: string, bases: BaseUrls): boolean {
  return setting === 'auto' ? domain === '' || bases.isLoopback : setting === 'on';
}

const pathPrefix = '/proxy/request/';
/** A host, with its port where it has one. */
export const hostForm = /^([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;
const originForm = /^\/[!"$-~]*$/;
const addressForm = /^(\d+\.\d+\.\d+\.\d+|\[.*\])$/;

/** Decides by host and path, for every head anew: proxies in front mix hosts on one connection. */
export class Router {
  readonly #options: RouterOptions;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** Throws ADIT_BAD_REQUEST for what is not valid, ADIT_TUNNEL_UNKNOWN for a name that can't be one. */
  route(hostField: string | undefined, requestTarget: string): Route {
    const { host, target } = splitAbsolute(hostField, requestTarget);
    // HTTP/1.0 has no need of one, and load balancers check health in that way.
    if (host === undefined) return { to: 'hub', target, isKnownHost: false };
    const match = hostForm.exec(host);
    const name = match?.[1]?.toLowerCase().replace(/\.$/, '');
    if (!name) throw new AditError('ADIT_BAD_REQUEST', 'the Host field is not a host name');
    const { bases, domain, isPathRouting } = this.#options;
    const isPath = isPathRouting && target.startsWith(pathPrefix);
    if (bases.hasHost(name)) return isPath ? byPath(host, target) : { to: 'hub', target, isKnownHost: true };
    if (domain !== '' && name.endsWith(`.${domain}`)) {
      const clientId = known(name.slice(0, -domain.length - 1));
      return { to: 'tunnel', clientId, target, host, prefix: '' };
    }
    if (isPath) return byPath(host, target);
    return { to: 'hub', target, isKnownHost: addressForm.test(name) };
  }

  /** Whether another target leads to the same tunnel, with the fields that led there. */
  leadsAlike({ prefix }: TunnelRoute, target: string): boolean {
    // A host that names a tunnel does so whatever the path.
    return prefix === '' && originForm.test(target);
  }
}

function byPath(host: string, target: string): TunnelRoute {
  const rest = target.slice(pathPrefix.length);
  const end = rest.search(/[/?]/);
  const clientId = known(end === -1 ? rest : rest.slice(0, end));
  const path = end === -1 ? '' : rest.slice(end);
  return {
    to: 'tunnel',
    clientId,
    target: path.startsWith('/') ? path : `/${path}`,
    host,
    prefix: pathPrefix + clientId,
  };
}

/** A copy, since the engine keeps a part of a text as a view of it, which every look-up of an id would follow anew. */
function known(label: string): string {
  if (isClientId(label)) return Buffer.from(label, 'latin1').toString('latin1');
  throw new AditError(
    'ADIT_TUNNEL_UNKNOWN',
    'this address is not one that a tunnel can have: check it for typing errors',
  );
}

/** An absolute-form target names the host itself, and then counts before the Host field (RFC 9112 §3.2.2). */
function splitAbsolute(
  hostField: string | undefined,
  requestTarget: string,
): { host: string | undefined; target: string } {
  const absolute = /^https?:\/\/([^/?]*)([/?].*)?$/i.exec(requestTarget);
  const host = absolute ? (absolute[1] as string) : hostField;
  // In absolute form the path may be left out.
  const target = absolute ? (absolute[2] ?? '/').replace(/^\?/, '/?') : requestTarget;
  if (!originForm.test(target)) {
    throw new AditError('ADIT_BAD_REQUEST', 'the request target has characters that must be percent-encoded');
  }
  return { host, target };
}
