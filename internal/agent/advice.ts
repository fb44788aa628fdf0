import type { AditError } from '#internal/core/errors';
import type { OriginRequest } from './origin-request.ts';

/**
 * Tells whoever runs the agent of failures that only they can mend, and of which their visitors see no more than a broken
 * page. Each kind once: the next ones have the same reason.
 */
export class Advice {
  readonly #tell: (message: string) => void;
  readonly #told = new Set<string>();

  constructor(tell: (message: string) => void) {
    this.#tell = tell;
  }

  /** The hub gives up an exchange. */
  reset({ head }: OriginRequest, { code, message }: AditError): void {
    if (code === 'ADIT_RESPONSE_TOO_LARGE' || code === 'ADIT_REQUEST_TOO_LARGE') {
      this.#once(code, `${requestedIn(head)}: ${message}`);
    }
  }

  /** The service refuses a request: forms and websockets of its own page, if it goes by the name that it knows. */
  refused({ head, names: { origin, publicUrl } }: OriginRequest): void {
    if (origin === undefined || publicUrl === undefined || !`${publicUrl}/`.startsWith(`${origin}/`)) return;
    this.#once(
      'origin',
      `the service refused ${requestedIn(head)}, maybe for its Origin, ${origin}: allow that there, or try --host-header preserve`,
    );
  }

  #once(kind: string, message: string): void {
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#tell(message);
  }
}

/** Method and path of a head; a query may hold secrets. */
function requestedIn(head: string): string {
  return head.slice(0, head.search(/[?\r]| HTTP\//));
}
