import { createHash } from 'node:crypto';
import type { JWK } from 'jose';
import { limits } from './limits.ts';
import { integer, Members, V2Error } from './members.ts';

export { V2Error };

/** The websocket subprotocol by which wire v2 is asked for and granted. */
export const v2Subprotocol = 'adit.v2';

/** The first byte of a packet, which is one binary websocket message. Unknown kinds from 0x80 on are ignored. */
export const packetKinds = {
  batch: 0x01,
  resend: 0x02,
  gone: 0x03,
  hello: 0x10,
  register: 0x11,
  registered: 0x12,
  rejected: 0x13,
  withdraw: 0x14,
  ping: 0x15,
  pong: 0x16,
  resume: 0x17,
  resumed: 0x18,
  drain: 0x19,
  probe: 0x80,
  probed: 0x81,
  status: 0x82,
  goodbye: 0x83,
} as const;

/** The types of frames, of which batches are made. Unknown types from 0x80 on are ignored. */
export const frameTypes = {
  open: 0x01,
  head: 0x02,
  data: 0x03,
  credit: 0x04,
  end: 0x05,
  stop: 0x06,
  reset: 0x07,
} as const;

/** From this number on, packet kinds and frame types that are not known may be passed over. */
export const firstIgnorable = 0x80;

/** What a stream carries. */
export const streamKinds = { http: 0 } as const;

/** The fixed part of a batch: kind u8, node u64, epoch u32, seq u48, ack u48, delay u8, length u24. */
export const batchHeaderBytes = 29;
/** The fixed part of a frame: type u8, stream u32, length u24. */
export const frameHeaderBytes = 8;
/** The fixed part of an `open` frame's payload: tunnel u16, kind u8, milliseconds left u32. */
export const openHeaderBytes = 7;

/** One tunnel that an agent asks for: the session's name, which may be empty. */
export interface TunnelRequest {
  session: string;
}

/** What an agent proves with its signature, beside the hub's nonce. */
export interface RegistrationClaim {
  /** The origin that the agent dialled, as a URL's origin is written. */
  origin: string;
  /** 32 bytes of the agent's own choice, in base64url. */
  nonce: string;
  /** The session to resume; empty for a new one. */
  session: string;
  epoch: number;
  tunnels: readonly TunnelRequest[];
}

/** The code of a `rejected` that only says that there is no such session: the hub greets again, for a new one. */
export const sessionUnknown = 'ADIT_SESSION_UNKNOWN';

/** How much one end takes. */
export interface PeerLimits {
  /** Streams open at once. */
  streams: number;
}

/** Who asks for something, and the proof. */
export interface Proof {
  key: JWK;
  algorithm: string;
  signature: string;
  claim: RegistrationClaim;
}

/** Under this path, with a nonce behind it, a hub asks a tunnel's public address. */
export const probePath = '/.well-known/adit/probe/';

/** What came of asking a tunnel's public address; `unknown` where that could not be asked. */
export const probeOutcomes = ['ok', 'failed', 'unknown'] as const;
export type ProbeOutcome = (typeof probeOutcomes)[number];

/** What an agent says of itself while it is connected. */
export const agentStates = ['online', 'degraded'] as const;
export type AgentState = (typeof agentStates)[number];

/** The packets that set a session up and tell of its state: the kind byte, then JSON. */
export type SessionPacket =
  | { kind: 'hello'; nonce: string; version: string }
  | ({ kind: 'register'; versions: readonly number[]; agent: string; limits: PeerLimits } & Proof)
  | ({ kind: 'resume' } & Proof)
  /** The hostname is that of the first tunnel, empty where the hub has no domain; older hubs do not tell it. */
  | { kind: 'resumed'; epoch: number; hostname?: string }
  /** How long this hub still serves: another one is to be found until then. */
  | { kind: 'drain'; msLeft: number }
  | {
      kind: 'registered';
      version: number;
      session: string;
      epoch: number;
      tunnels: readonly { clientId: string; hostname?: string }[];
      limits: PeerLimits;
      /** How long the session outlives its connection. */
      graceMs: number;
    }
  | { kind: 'rejected'; code: string; message: string; isFinal: boolean }
  | { kind: 'withdraw'; tunnel: number; reason: string }
  | { kind: 'ping'; token: number }
  | { kind: 'pong'; token: number }
  | { kind: 'probe'; nonce: string }
  | { kind: 'probed'; nonce: string; outcome: ProbeOutcome; detail: string }
  | { kind: 'status'; state: AgentState; reason: string }
  | { kind: 'goodbye'; reason: string };

/** A session packet as bytes. */
export function encodeSessionPacket({ kind, ...members }: SessionPacket): Buffer {
  const json = JSON.stringify(members);
  const packet = Buffer.allocUnsafe(1 + Buffer.byteLength(json));
  packet[0] = packetKinds[kind];
  packet.write(json, 1);
  return packet;
}

/** Reads a session packet. Undefined when its kind is unknown and may be passed over. Throws {@link V2Error}. */
export function decodeSessionPacket(packet: Buffer): SessionPacket | undefined {
  const code = packet[0] ?? 0;
  const kind = kindNames.get(code);
  if (!kind) {
    if (code >= firstIgnorable) return undefined;
    throw new V2Error(`packets of kind ${code} are not known`);
  }
  let members: unknown;
  try {
    members = JSON.parse(packet.toString('utf8', 1));
  } catch {
    throw new V2Error(`a ${kind} packet is not JSON`);
  }
  return decoders[kind](new Members(kind, members));
}

const decoders: { [K in SessionPacket['kind']]: (from: Members) => Extract<SessionPacket, { kind: K }> } = {
  hello: (from) => ({ kind: 'hello', nonce: from.text('nonce', 64), version: from.text('version', 64) }),
  register: (from) => ({
    kind: 'register',
    versions: from.list('versions', 16).map((version) => integer('register', 'versions', version)),
    agent: from.text('agent', 128),
    limits: { streams: from.object('limits').integer('streams') },
    ...proofOf(from),
  }),
  resume: (from) => ({ kind: 'resume', ...proofOf(from) }),
  resumed: (from) => {
    const hostname = from.optionalText('hostname', 255);
    return { kind: 'resumed', epoch: from.integer('epoch'), ...(hostname === undefined ? {} : { hostname }) };
  },
  drain: (from) => ({ kind: 'drain', msLeft: from.integer('msLeft') }),
  registered: (from) => ({
    kind: 'registered',
    version: from.integer('version'),
    session: from.text('session', 128),
    epoch: from.integer('epoch'),
    tunnels: from.list('tunnels', limits.registrationCount).map((value) => {
      const tunnel = new Members('registered', value);
      const hostname = tunnel.optionalText('hostname', 255);
      return { clientId: tunnel.text('clientId', 64), ...(hostname === undefined ? {} : { hostname }) };
    }),
    limits: { streams: from.object('limits').integer('streams') },
    graceMs: from.integer('graceMs'),
  }),
  rejected: (from) => ({
    kind: 'rejected',
    code: from.text('code', 64),
    message: from.text('message', 2_048),
    isFinal: from.boolean('isFinal'),
  }),
  withdraw: (from) => ({ kind: 'withdraw', tunnel: from.integer('tunnel'), reason: from.text('reason', 256) }),
  ping: (from) => ({ kind: 'ping', token: from.integer('token') }),
  pong: (from) => ({ kind: 'pong', token: from.integer('token') }),
  probe: (from) => ({ kind: 'probe', nonce: from.urlWord('nonce') }),
  probed: (from) => ({
    kind: 'probed',
    nonce: from.urlWord('nonce'),
    outcome: from.oneOf('outcome', probeOutcomes),
    detail: from.text('detail', limits.statusText),
  }),
  status: (from) => ({
    kind: 'status',
    state: from.oneOf('state', agentStates),
    reason: from.text('reason', limits.statusText),
  }),
  goodbye: (from) => ({ kind: 'goodbye', reason: from.text('reason', limits.statusText) }),
};

const kindNames = new Map<number, SessionPacket['kind']>(
  (Object.keys(decoders) as SessionPacket['kind'][]).map((kind) => [packetKinds[kind], kind]),
);

function proofOf(from: Members): Proof {
  return {
    key: from.object('key').raw as JWK,
    algorithm: from.text('algorithm', 16),
    signature: from.text('signature', 2_048),
    claim: claimOf(from.object('claim')),
  };
}

function claimOf(from: Members): RegistrationClaim {
  return {
    origin: from.text('origin', 2_048),
    nonce: from.text('nonce', 64),
    session: from.text('session', 128),
    epoch: from.integer('epoch'),
    tunnels: from.list('tunnels', limits.registrationCount).map((tunnel) => ({
      session: new Members('register', tunnel).text('session', limits.sessionNameLength),
    })),
  };
}

/**
 * What an agent signs to register, or to go on with a session. Neither end chooses it alone, and the prefix keeps it
 * apart from everything else that the same key may ever sign, tokens of wire v1 among them.
 */
export function registrationProof(purpose: 'register' | 'resume', claim: RegistrationClaim, hubNonce: string): Buffer {
  const { origin, nonce, session, epoch, tunnels } = claim;
  // Member by member, so that both ends hash the same text.
  const canonical = JSON.stringify([origin, hubNonce, nonce, session, epoch, tunnels.map((tunnel) => tunnel.session)]);
  return Buffer.concat([Buffer.from(`adit.v2 ${purpose}\0`), createHash('sha256').update(canonical).digest()]);
}
