import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];

/** A set of networks that an address can be in. */
export class Networks {
  readonly #networks: readonly Network[];

  private constructor(networks: readonly Network[]) {
    this.#networks = networks;
  }

  /** Reads CIDRs, addresses and the word `loopback`, separated by commas. Throws an Error that names the wrong one. */
  static parse(text: string): Networks {
    const words = text.split(',').map((word) => word.trim());
    return new Networks(words.filter((word) => word !== '').flatMap(parseNetwork));
  }

  has(address: string): boolean {
    if (this.#networks.length === 0) return false;
    const parsed = parseAddress(address);
    return parsed !== undefined && this.#networks.some(([base, bits]) => isWithin(parsed, base, bits));
  }
}

function parseNetwork(word: string): Network[] {
  if (word === 'loopback') return ['127.0.0.0/8', '::1/128'].flatMap(parseNetwork);
  if (ipaddr.isValidCIDR(word)) {
    const [base, bits] = ipaddr.parseCIDR(word);
    return [[base, bits]];
  }
  const address = parseAddress(word);
  if (!address) throw new Error(`"${word}" is not a network; write a CIDR such as 10.0.0.0/8, an address, or loopback`);
  return [[address, address.kind() === 'ipv4' ? 32 : 128]];
}

function parseAddress(text: string): Address | undefined {
  // `process` takes an IPv4 address that is mapped into IPv6 for what it is.
  // Shorter forms of IPv4 addresses are read in several ways, so none is taken.
  const isValid = text.includes(':') ? ipaddr.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text);
  return isValid ? ipaddr.process(text) : undefined;
}

function isWithin(address: Address, base: Address, bits: number): boolean {
  return address.kind() === base.kind() && address.match(base as never, bits);
}

const loopback = Networks.parse('loopback');

/** Whether an address is this machine's own. */
export function isLoopback(address: string): boolean {
  return loopback.has(address);
}

/**
 * What an address is counted under: itself, or for IPv6 its /64, since one subscriber holds at least that many
 * addresses.
 */
export function countingKey(address: string): string {
  const parsed = parseAddress(address);
  if (!parsed) return address;
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return (parsed as ipaddr.IPv6).parts.slice(0, 4).join(':');
}

/** A socket's address as people write it: an IPv4 one without the mapping that a dual-stack listener shows. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** A plain address as the `Forwarded` field writes it (RFC 7239 §6): IPv6 in quotes and brackets, and no other text. */
export function forwardedNode(address: string): string {
  const version = isIP(address);
  if (version === 0) return 'unknown';
  return version === 6 ? `"[${address}]"` : address;
}
