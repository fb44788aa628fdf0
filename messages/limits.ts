/** Every maximum of what another machine may send or make us hold. Bytes unless the name says otherwise. */
export const limits = {
  /** Wire v1: decoded bytes of one body or one websocket message, in each direction. */
  v1Body: 512_000,
  /** What an original hub can carry of a response body before it drops the websocket. */
  v1OriginalHubBody: 380_000,
  /** Wire v1: one document, which is one websocket message. */
  v1Document: 1_048_576,
  /** Wire v1: a document from an agent that has not registered. */
  v1FirstDocument: 65_536,
  /** Request bodies that one v1 session holds while they are collected. */
  v1Collected: 64 * 1_048_576,
  /** Bytes waiting in one websocket's send queue before its reader counts as too slow. */
  sendQueue: 4 * 1_048_576,
  /** Bytes waiting towards an agent from which on its visitors' websockets are held back. */
  linkHighWater: 1_048_576,
  /** Fragments of one websocket message. */
  fragmentCount: 256,
  /** Network reads that ws buffers while it waits for the rest of a frame. */
  bufferedChunkCount: 2_048,
  /** Exchanges under way in one session. */
  streamCount: 1_000,
  /** Registrations that one websocket carries. */
  registrationCount: 256,
  /** Letters of the optional session name in a registration. */
  sessionNameLength: 256,
  /** A compact JWS. */
  token: 16_384,
  /** Seconds a mandate token may ask to live. */
  tokenTtlSeconds: 300,
  /** Seconds by which a peer's clock may be ahead of ours. */
  clockSkewSeconds: 60,
  /** Tokens remembered so that each is taken once. */
  rememberedTokenCount: 100_000,
  /** A request's head: request line and all field lines. */
  requestHead: 32_768,
  /** A visitor's request target. */
  requestTarget: 16_384,
  /** Field lines in one head. */
  fieldCount: 1_000,
  /** Bytes a visitor may send behind its upgrade head before the answer is there. */
  earlyUpgradeBytes: 65_536,
  /** What is read and thrown away of a request body after the answer was sent early. */
  discardedBody: 1_048_576,
} as const;
