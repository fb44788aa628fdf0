import { fieldValue } from '#internal/http1/fields';
import type { RequestHead } from '#internal/http1/head';
import type { AcceptStream } from '#internal/link/stream';
import { Forwarding } from './forwarding.ts';
import type { Origin } from './origin.ts';

/** What the origin is told as Host: its own name, the public one, or a given one. */
export type HostHeader = { kind: 'rewrite' } | { kind: 'preserve' } | { kind: 'value'; value: string };

export interface DispatchOptions {
  origin: Origin;
  hostHeader: HostHeader;
  /** The hostname under which visitors ask, for hubs that do not tell it with each request. */
  publicHost: () => string | undefined;
}

/** Forwards every stream that the hub opens to the origin. */
export function dispatch(options: DispatchOptions): AcceptStream {
  return (head, stream) => new Forwarding(withHost(head, options), stream, options.origin);
}

function withHost(head: RequestHead, { origin, hostHeader, publicHost }: DispatchOptions): RequestHead {
  const told = fieldValue(head.fields, 'x-forwarded-host');
  const visited = told ?? publicHost();
  const fields = ['Host', hostFor(hostHeader, origin, visited)];
  for (let i = 0; i < head.fields.length; i += 2) {
    const name = head.fields[i] as string;
    if (name.toLowerCase() !== 'host') fields.push(name, head.fields[i + 1] as string);
  }
  if (told === undefined && visited !== undefined) fields.push('X-Forwarded-Host', visited);
  return { ...head, fields };
}

function hostFor(hostHeader: HostHeader, origin: Origin, visited: string | undefined): string {
  switch (hostHeader.kind) {
    case 'rewrite':
      return origin.name;
    case 'preserve':
      return visited ?? origin.name;
    case 'value':
      return hostHeader.value;
  }
}
