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
  /** Request bodies that one v1 session holds until they are answered, and what waits to be sent to its agent. */
  v1Collected: 64 * 1_048_576,
  /** Wire v2: one packet, which is one websocket message. */
  v2Packet: 131_072,
  /** Wire v2: letters by which an agent or a hub tells why something is not as it should be. */
  statusText: 512,
  /** Wire v2: the frames of one batch. */
  v2Batch: 66_560,
  /**
   * The same of batches that we send. With all headers below it, those of a publish on Redis too, such a packet fills one
   * segment of the loopback interface, and whoever reads 64 KiB at a time has it in one piece.
   */
  v2BatchSent: 65_280,
  /** What one stream can have in such a batch. Whoever reads what is to be sent on reads no more at once: the rest would go on its own. */
  v2DataSent: 65_272,
  /** Wire v2: a head block or a block of trailers in a frame: a whole head, and what the hub adds to it. */
  v2Head: 49_152,
  /** Wire v2: what a stream may send before the other end has granted more. */
  streamWindow: 65_536,
  /** Wire v2: the most that a stream may be granted at once. */
  streamWindowMax: 48 * 1_048_576,
  /** Wire v2: what all streams of a session may be granted at once, beyond the first window of each. */
  sessionWindows: 96 * 1_048_576,
  /** The same for all sessions of a process, unless it is told otherwise. */
  processWindows: 256 * 1_048_576,
  /** Wire v2: bytes on their way in one lane, unacknowledged. */
  laneMax: 48 * 1_048_576,
  /** The same with what does not wait for room: whoever acknowledges less than that does not read. */
  laneKept: 56 * 1_048_576,
  /** Wire v2: frames of credit, stop and reset that wait to be sent. */
  urgentCount: 16_384,
  /** Bytes waiting in one websocket's send queue before its reader counts as too slow. */
  sendQueue: 4 * 1_048_576,
  /** Bytes waiting towards an agent from which on its visitors' websockets are held back. */
  linkHighWater: 1_048_576,
  /** Fragments of one websocket message. */
  fragmentCount: 256,
  /** Network reads that ws buffers while it waits for the rest of a frame. */
  bufferedChunkCount: 2_048,
  /** Probes that one hub makes at a time. */
  probeCount: 64,
  /** Exchanges under way in one session. */
  streamCount: 1_000,
  /** What waits for agents to come back, of all sessions: streams, and bytes. */
  parkedStreams: 1_000,
  parkedBytes: 64 * 1_048_576,
  /** Hubs whose visitors one session serves. */
  nodesPerSession: 256,
  /** Tunnels of other hubs of which is remembered how fast they are asked for. */
  rateAccounts: 10_000,
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
  /** Records of sessions at other hubs, and client ids that nobody serves, that a hub remembers. */
  cachedRecordCount: 65_536,
  /** Tokens remembered so that each is taken once. */
  rememberedTokenCount: 100_000,
  /** A request's head: request line and all field lines. */
  requestHead: 32_768,
  /** A visitor's request target. */
  requestTarget: 16_384,
  /** One field line of a visitor's request. */
  fieldLine: 16_384,
  /** Field lines in one head, without what the hub adds to it. */
  fieldCount: 1_000,
  /** Interim responses (1xx) before one final response. */
  interimResponseCount: 32,
  /** Bytes a visitor may send behind its upgrade head before the answer is there. */
  earlyUpgradeBytes: 65_536,
  /** Bytes of a visitor that are read before they can be used, give or take a read: more than that only once a second. */
  readAhead: 32_768,
  /** Those bytes in all. */
  readAheadInAll: 131_072,
} as const;
