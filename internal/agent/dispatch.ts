import type { AcceptStream } from '#internal/link/stream';
import { Forwarding } from './forwarding.ts';
import type { Origin } from './origin.ts';
import { type HostHeader, originRequest } from './origin-request.ts';

export interface DispatchOptions {
  origin: Origin;
  hostHeader: HostHeader;
  /** The hostname under which visitors ask, for hubs that do not tell it with each request. */
  publicHost: () => string | undefined;
}

/** Forwards every stream that the hub opens to the origin. */
export function dispatch({ origin, hostHeader, publicHost }: DispatchOptions): AcceptStream {
  return (head, stream) => {
    const request = originRequest(head, { hostHeader, own: origin.host, visited: publicHost() });
    return new Forwarding(request, stream, origin);
  };
}
