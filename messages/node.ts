/** What one hub tells another over the bus. */
export type NodeNotice = {
  /** A newer registration has taken this client id from this session of yours. */
  type: 'evicted';
  clientId: string;
  session: string;
};

export function encodeNotice(notice: NodeNotice): Buffer {
  return Buffer.from(JSON.stringify(notice));
}

/** Reads a notice. Throws an Error that says what is wrong. */
export function decodeNotice(message: Uint8Array): NodeNotice {
  const { type, clientId, session } = JSON.parse(Buffer.from(message).toString('utf8')) as Record<string, unknown>;
  if (type !== 'evicted' || typeof clientId !== 'string' || typeof session !== 'string') {
    throw new Error('notice of an unknown kind');
  }
  return { type, clientId, session };
}
