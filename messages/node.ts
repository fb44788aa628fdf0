/** What one hub tells another over the bus, about one session of an agent, or one client id. */
export const nodeMessages = {
  /**
   * A packet for the session's agent, from the hub of a visitor to the one that holds the session. An empty one only asks
   * whether that still does.
   */
  toAgent: 1,
  /** A packet of the session's agent, to the hub of a visitor. */
  toEdge: 2,
  /** The session has lost its connection, and may go on with another one. */
  parked: 3,
  /** The session is not held here: look again where it is. */
  absent: 4,
  /** The session has ended for good. */
  ended: 5,
  /** Its agent has broken the rules of the wire; the payload says how. */
  broken: 6,
  /** A newer registration has taken a client id, the payload, from the session. */
  evicted: 7,
  /** The session goes on over another connection, perhaps at another hub. The payload is its new epoch. */
  moved: 8,
  /** Asks to count requests of a client id: the number u32 of this question, so many u32, and so many in advance u32. */
  ask: 9,
  /** Answers the question of this number u32: so many u32 may pass, until so many milliseconds u32 are over. */
  granted: 10,
  /** Asks whether a request to a client id is a probe of the hub that is asked. The payload is its nonce. */
  askProbe: 11,
  /** It is: the same payload. */
  probe: 12,
  /** It is not: the same payload. */
  noProbe: 13,
} as const;

export type NodeMessageKind = keyof typeof nodeMessages;

export interface NodeMessage {
  kind: NodeMessageKind;
  /** What it is about. */
  name: string;
  payload: Buffer;
}

const kinds = new Map<number, NodeMessageKind>(
  Object.entries(nodeMessages).map(([kind, code]) => [code, kind as NodeMessageKind]),
);

/** Kind u8, length of the name u8, the name in ASCII. The payload, if there is one, follows as it is. */
export function encodeNodeMessage(kind: NodeMessageKind, name: string): Buffer {
  const head = Buffer.allocUnsafe(2 + name.length);
  head[0] = nodeMessages[kind];
  head[1] = name.length;
  head.write(name, 2, 'latin1');
  return head;
}

/** Throws an Error that says what is wrong. */
export function decodeNodeMessage(message: Buffer): NodeMessage {
  const kind = kinds.get(message[0] ?? 0);
  if (!kind) throw new Error(`messages of kind ${message[0]} are not known`);
  const end = 2 + (message[1] ?? 0);
  if (message.length < end) throw new Error('a message is shorter than the name in it');
  return { kind, name: message.toString('latin1', 2, end), payload: message.subarray(end) };
}

/** Three numbers as a payload. */
export function encodeTriple(...numbers: [number, number, number]): Buffer {
  const payload = Buffer.allocUnsafe(12);
  for (const [i, number] of numbers.entries()) payload.writeUInt32BE(number, 4 * i);
  return payload;
}

/** Throws an Error when there are none. */
export function decodeTriple(payload: Buffer): [number, number, number] {
  return [payload.readUInt32BE(0), payload.readUInt32BE(4), payload.readUInt32BE(8)];
}
