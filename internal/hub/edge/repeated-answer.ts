import type { ResponseHead } from '#internal/http1/head';
import type { FramedResponse } from './frame-response.ts';
import type { TunnelRequest } from './tunnel-request.ts';

/** What was made last of a head for a visitor: services answer alike, and then the very same head comes again. */
export class RepeatedAnswer {
  readonly #head: ResponseHead;
  readonly framed: FramedResponse;
  /** Whether `--max-body` applies to it. */
  readonly isBounded: boolean;

  constructor(head: ResponseHead, framed: FramedResponse, isBounded: boolean) {
    this.#head = head;
    this.framed = framed;
    this.isBounded = isBounded;
  }

  /** Whether what is made of a head depends on nothing but the head. */
  static isPlain({ request, publicAddress }: TunnelRequest, isLast: boolean): boolean {
    return !isLast && request.version === '1.1' && request.method !== 'HEAD' && publicAddress.prefix === '';
  }

  isOf(head: ResponseHead): boolean {
    return head === this.#head;
  }
}
