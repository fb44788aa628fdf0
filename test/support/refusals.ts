import assert from 'node:assert/strict';
import { test } from 'node:test';
import { echo, type Handler, startOrigin, type TestOrigin } from './origin.ts';
import { type Place, startPlaces } from './places.ts';
import type { Cleanup } from './processes.ts';
import { RawVisitor } from './raw-visitor.ts';

/** The bytes of a request that is refused, and with which status. Its target has `/bad` in it. */
export type Refusal = readonly [what: string, status: number, bytes: string];

/** A service that notes what it is asked for, and where visitors find it. */
export class RefusalPlaces {
  readonly origin: TestOrigin;
  readonly places: Record<string, Place>;
  /** The targets of the requests that the service got whole. */
  readonly served: readonly string[];

  private constructor(origin: TestOrigin, places: Record<string, Place>, served: readonly string[]) {
    this.origin = origin;
    this.places = places;
    this.served = served;
  }

  static async start(t: Cleanup, handler: Handler = echo): Promise<RefusalPlaces> {
    const served: string[] = [];
    const origin = await startOrigin(t, (request, response, body) => {
      served.push(request.url ?? '');
      handler(request, response, body);
    });
    return new RefusalPlaces(origin, await startPlaces(t, origin.port), served);
  }

  /** Each one is answered as it says, nothing of it gets to the service, and the hub serves whoever comes next. */
  test(transport: string, refusals: readonly Refusal[]): void {
    const { port, host, tls } = this.places[transport] as Place;
    for (const [i, [what, expected, bytes]] of refusals.entries()) {
      test(`refused with ${expected}: ${what}`, async (t) => {
        const mark = `/bad/${transport}/${i}`;
        const visitor = await RawVisitor.connect(t, port, tls);
        visitor.send(bytes.replaceAll('/bad', mark));
        const { status, field } = await visitor.response();
        assert.equal(status, expected);
        assert.match(field('adit-error') ?? '', /^ADIT_/);
        assert.match(field('date') ?? '', / GMT$/);
        assert.ok(!this.served.some((url) => url.startsWith(mark)));
        // What could not be read leaves nothing to go on with.
        if (field('connection') === 'close') await visitor.closed;
        const next = await RawVisitor.connect(t, port, tls);
        next.send(`GET /next HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        assert.equal((await next.response()).status, 200);
      });
    }
  }
}
