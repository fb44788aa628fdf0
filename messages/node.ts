/** What one hub tells another over the bus, always about one session of an agent. */
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
} as const;

export type NodeMessageKind = keyof typeof nodeMessages;

export interface NodeMessage {
  kind: NodeMessageKind;
  session: string;
  payload: Buffer;
}

const kinds = new Map<number, NodeMessageKind>(
  Object.entries(nodeMessages).map(([kind, code]) => [code, kind as NodeMessageKind]),
);

const none = Buffer.alloc(0);

/** Kind u8, length of the session's name u8, the name in ASCII, the payload. */
export function encodeNodeMessage(kind: NodeMessageKind, session: string, payload: Buffer = none): Buffer {
  const message = Buffer.allocUnsafe(2 + session.length + payload.length);
  message[0] = nodeMessages[kind];
  message[1] = session.length;
  message.write(session, 2, 'latin1');
  payload.copy(message, 2 + session.length);
  return message;
}

/** Throws an Error that says what is wrong. */
export function decodeNodeMessage(message: Buffer): NodeMessage {
  const kind = kinds.get(message[0] ?? 0);
  if (!kind) throw new Error(`messages of kind ${message[0]} are not known`);
  const end = 2 + (message[1] ?? 0);
  if (message.length < end) throw new Error('a message is shorter than the name in it');
  return { kind, session: message.toString('latin1', 2, end), payload: message.subarray(end) };
}
