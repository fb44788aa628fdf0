import { endToEndFields, type Fields, fieldList, fieldValue, isForwardingField } from '#internal/http1/fields';
import { forwardedNode, type Networks } from '../addresses.ts';
import { hostForm } from './router.ts';

/** Who asks: as the socket shows it, or as a trusted proxy in front tells it. */
export interface Visitor {
  address: string;
  proto: 'http' | 'https';
  /** The machine at the other end of the socket. */
  peer: string;
  isPeerTrusted: boolean;
}

/** Reads who the visitor is. Only a peer inside `trusted` is believed. */
export function identifyVisitor(
  socket: { address: string; isEncrypted: boolean },
  fields: Fields,
  trusted: Networks,
): Visitor {
  const peer = socket.address;
  const proto = socket.isEncrypted ? 'https' : 'http';
  if (!trusted.has(peer)) return { address: peer, proto, peer, isPeerTrusted: false };
  const hops = [...fieldList(fields, 'x-forwarded-for').split(','), peer].map((hop) => hop.trim());
  const told = fieldValue(fields, 'x-forwarded-proto')?.trim().toLowerCase();
  return {
    // The nearest hop that no trusted proxy stands for: what is left of it anyone can have written.
    address: hops.findLast((hop) => hop !== '' && !trusted.has(hop)) ?? peer,
    proto: told === 'https' || told === 'http' ? told : proto,
    peer,
    isPeerTrusted: true,
  };
}

/** No chain of proxies is longer. A visitor can begin the list as it likes, and each hop is longer in `Forwarded`. */
const maxHops = 32;

const rewritten = new Set(['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']);

/** The fields that go on to the agent: the visitor's end-to-end ones, and ours that tell who asked. */
export function forwardedRequestFields(
  fields: Fields,
  visitor: Visitor,
  { host, prefix }: { host: string; prefix: string },
): string[] {
  const { peer, proto, isPeerTrusted } = visitor;
  const out = endToEndFields(
    fields,
    (name) =>
      name === 'expect' ||
      name === 'http2-settings' ||
      name.startsWith('adit-') ||
      rewritten.has(name) ||
      (isForwardingField(name) && (!isPeerTrusted || name.includes('_'))),
  );
  // Names that `Connection` lists are not to be believed either: it is there to take fields away.
  const told = (name: string): string => (isPeerTrusted ? fieldList(fields, name) : '');
  const toldHops = told('x-forwarded-for');
  const hops = toldHops === '' ? peer : `${toldHops}, ${peer}`;
  out.push('X-Forwarded-For', hops);
  out.push('X-Forwarded-Proto', proto);
  // The peer vouches for what it wrote last. Services make links of it, and agents a Host.
  const toldHost = told('x-forwarded-host').split(',').at(-1)?.trim() ?? '';
  const asked = hostForm.test(toldHost) ? toldHost : host;
  out.push('X-Forwarded-Host', asked);
  // Where the peer speaks in the other fields alone, this one says the same: some services take either, or compare them.
  const toldWay = told('forwarded');
  if (toldWay === '') out.push('Forwarded', forwardedWay(believable(hops, peer), { host: asked, proto }));
  else out.push('Forwarded', `${toldWay}, ${forwardedWay([peer], { host, proto })}`);
  if (prefix !== '') out.push('X-Forwarded-Prefix', prefix);
  return out;
}

/** The hops of a list, or of one that is too long to be true the last one alone. */
function believable(list: string, last: string): string[] {
  const hops = list.split(',', maxHops + 1);
  return hops.length > maxHops ? [last] : hops;
}

/**
 * Hops as `Forwarded` has them (RFC 7239 §4): the first one says what was asked for, and how. A host is in quotes only where
 * its port makes it no token: some services read it as it stands.
 */
function forwardedWay(hops: string[], { host, proto }: { host: string; proto: string }): string {
  const nodes = hops.map((hop) => `for=${forwardedNode(hop.trim())}`);
  nodes[0] += `;host=${host.includes(':') ? `"${host}"` : host};proto=${proto}`;
  return nodes.join(', ');
}
