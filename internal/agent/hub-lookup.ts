import type { LookupFunction } from 'node:net';
import { lookupWithLocalhost } from './origin-address.ts';

/** How long one address may take to accept before the next one is tried. */
export const addressMs = 1_500;
/** So many addresses have their time within one attempt; the others come first in the next ones. */
const maxAddresses = 5;

/** Resolves a name to all of its addresses. */
export type Resolve = (
  hostname: string,
  done: (error: NodeJS.ErrnoException | null, addresses: { address: string; family: number }[]) => void,
) => void;

const resolveBySystem: Resolve = (hostname, done) =>
  lookupWithLocalhost(hostname, { all: true }, (error, addresses) =>
    done(error, Array.isArray(addresses) ? addresses : []),
  );

/**
 * A lookup for dialling one hub again and again: each time it begins with the address with which it has not begun for the
 * longest, in the order of DNS. One that accepts connections and serves nothing keeps nobody from the others.
 */
export function hubLookup(resolve = resolveBySystem): LookupFunction {
  const begunAt = new Map<string, number>();
  let count = 0;
  return (hostname, options, callback) => {
    resolve(hostname, (error, found) => {
      const addresses = found
        .filter(({ family }) => !options.family || options.family === family)
        .sort((a, b) => (begunAt.get(a.address) ?? 0) - (begunAt.get(b.address) ?? 0))
        .slice(0, maxAddresses);
      const [first] = addresses;
      if (error || !first) {
        callback(error ?? Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' }), []);
        return;
      }
      // What DNS no longer names is forgotten.
      for (const known of begunAt.keys()) if (!found.some(({ address }) => address === known)) begunAt.delete(known);
      count += 1;
      begunAt.set(first.address, count);
      if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
