import type { AcceptStream } from '#internal/link/stream';
import type { Advice } from './advice.ts';
import { Forwarding } from './forwarding.ts';
import type { Origin } from './origin.ts';
import { type HostHeader, OriginRequests } from './origin-request.ts';
import { answerProbe, type Probes } from './probe.ts';

export interface DispatchOptions {
  origin: Origin;
  hostHeader: HostHeader;
  /** The hostname under which visitors ask, for hubs that do not tell it with each request. */
  publicHost: () => string | undefined;
  /** What is asked by them never reaches the origin. */
  probes: Pick<Probes, 'nonceOf'>;
  advice: Advice;
}

/** Forwards every stream that the hub opens to the origin, but for the probes that we have asked for ourselves. */
export function dispatch({ origin, hostHeader, publicHost, probes, advice }: DispatchOptions): AcceptStream {
  const requests = new OriginRequests({ hostHeader, own: origin.host, scheme: origin.scheme, visited: publicHost });
  return (head, stream) => {
    const nonce = probes.nonceOf(head);
    if (nonce !== undefined) return answerProbe(nonce, stream);
    return new Forwarding(requests.of(head), stream, { origin, advice });
  };
}
