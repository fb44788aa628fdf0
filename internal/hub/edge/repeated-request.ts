import type { ParsedRequest } from '#internal/http1/parse-head';
import { keptLength } from '#internal/http1/recent';
import type { Router, TunnelRoute } from './router.ts';
import type { TunnelRequest } from './tunnel-request.ts';

/** Methods of which nothing has to be checked. */
const plainMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * What a visitor's last request was made into, for the next one: on most connections requests differ in their targets
 * alone, and have the very same `fields` then.
 */
export class RepeatedRequest {
  readonly #asked: TunnelRequest;
  readonly #route: TunnelRoute;

  private constructor(asked: TunnelRequest, route: TunnelRoute) {
    this.#asked = asked;
    this.#route = route;
  }

  /** Undefined where more than the target may differ the next time, or the head is too long to be kept. */
  static of(asked: TunnelRequest, route: TunnelRoute): RepeatedRequest | undefined {
    const { request, head, isChunked, isContinueExpected, upgrade, onOver } = asked;
    if (head.target.length + (head.lines?.length ?? 0) > keptLength) return undefined;
    // An absolute URL names the host too.
    const isAll = route.target === request.target;
    if (!isAll || isChunked || isContinueExpected || upgrade !== undefined || onOver !== undefined) return undefined;
    return new RepeatedRequest(asked, route);
  }

  /** Where another target of the same host leads; undefined unless that is the same tunnel. */
  routeAlike(host: string | undefined, target: string, router: Router): TunnelRoute | undefined {
    const last = this.#route;
    if (host !== last.host || !router.leadsAlike(last, target)) return undefined;
    return { to: 'tunnel', clientId: last.clientId, target, host, prefix: '' };
  }

  /** The same for another request; undefined unless only its target differs, and leads to the same tunnel. */
  again(request: ParsedRequest, router: Router): TunnelRequest | undefined {
    const { clientId, request: last, head, hasBody, takesTrailers, publicAddress } = this.#asked;
    if (request === last) return this.#asked;
    const { version, method, target, fields } = request;
    if (fields !== last.fields || version !== last.version || !plainMethods.has(method)) return undefined;
    if (!router.leadsAlike(this.#route, target)) return undefined;
    // Member by member, which costs the engine a tenth of a spread.
    return {
      clientId,
      request,
      head: { method, target, fields: head.fields, lines: head.lines },
      hasBody,
      isChunked: false,
      upgrade: undefined,
      isContinueExpected: false,
      takesTrailers,
      publicAddress,
      onOver: undefined,
    };
  }
}
