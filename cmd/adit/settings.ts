import { homedir } from 'node:os';
import { join } from 'node:path';
import { type OriginAddress, parseOrigin } from '#internal/agent/origin-address';
import type { HostHeader } from '#internal/agent/origin-request';
import { oneOf, parsePath, parseSite, parseSwitch, type Setting } from '#internal/core/config';
import { limits } from '#messages/limits';

/** The settings of `adit`. */
export const agentSettings = {
  hub: {
    flag: 'hub',
    env: ['ADIT_HUB', 'PROXY_ENDPOINT'],
    placeholder: 'url',
    help: 'the hub to publish through; default http://localhost:6519',
    parse: parseSite,
    fallback: new URL('http://localhost:6519'),
  },
  key: {
    flag: 'key',
    env: ['KEY'],
    placeholder: 'file',
    help: 'the private key that the hostname is made of; created when missing; default ~/.config/adit/key.pem',
    parse: parsePath,
    fallback: join(homedir(), '.config', 'adit', 'key.pem'),
  },
  session: {
    flag: 'session',
    env: ['SESSION'],
    placeholder: 'name',
    help: 'a further hostname of the same key',
    parse: parseSession,
    fallback: undefined as string | undefined,
  },
  hubCa: {
    flag: 'hub-ca',
    env: ['HUB_CA'],
    placeholder: 'file',
    help: 'certificates to trust the hub by (PEM), instead of those that Node.js knows',
    parse: parsePath,
    fallback: undefined as string | undefined,
  },
  originCa: {
    flag: 'origin-ca',
    env: ['ORIGIN_CA'],
    placeholder: 'file',
    help: 'certificates to trust an https service by (PEM), instead of those that Node.js knows',
    parse: parsePath,
    fallback: undefined as string | undefined,
  },
  insecureOrigin: {
    flag: 'insecure-origin',
    env: ['INSECURE_ORIGIN'],
    help: 'take every certificate of an https service',
    parse: parseSwitch,
    fallback: false as boolean,
  },
  hostHeader: {
    flag: 'host-header',
    env: ['LOCAL_URL'],
    placeholder: 'host',
    help: 'what the service sees as Host: rewrite (its own name), preserve (the public one) or a value; default rewrite',
    parse: parseHostHeader,
    fallback: { kind: 'rewrite' } as HostHeader,
  },
  state: {
    flag: 'state',
    env: ['STATE'],
    placeholder: 'file',
    help: 'a file that receives {"hostname":"…"} once the tunnel is online',
    parse: parsePath,
    fallback: undefined as string | undefined,
  },
  wire: {
    flag: 'wire',
    env: ['WIRE'],
    placeholder: 'version',
    help: 'the protocol to speak with the hub: auto (v2, or v1 with an older hub), v1 or v2; default auto',
    parse: oneOf('auto', 'v1', 'v2'),
    fallback: 'auto' as const,
  },
  json: {
    flag: 'json',
    env: [],
    help: 'print one JSON event a line',
    parse: parseSwitch,
    fallback: false as boolean,
  },
} satisfies Record<string, Setting<unknown>>;

/** The service that the environment of the original names. */
export function originFromEnvironment(env: Record<string, string | undefined>): OriginAddress | undefined {
  const text = env['LOCAL'];
  return text === undefined || text === '' ? undefined : parseOrigin(text);
}

function parseSession(text: string): string {
  if (text.length <= limits.sessionNameLength) return text;
  throw new Error(`has more than ${limits.sessionNameLength} letters`);
}

/** The original takes a host here, or a URL of which it takes the host. */
function parseHostHeader(text: string): HostHeader {
  if (text === 'rewrite' || text === 'preserve') return { kind: text };
  const value = URL.canParse(text) && text.includes('://') ? new URL(text).host : text;
  if (!/^[A-Za-z0-9._~-]+(:\d+)?$|^\[[0-9A-Fa-f:.]+\](:\d+)?$/.test(value)) throw new Error(`"${text}" is not a host`);
  return { kind: 'value', value };
}
