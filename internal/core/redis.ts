import { Cluster, Redis } from '#internal/core/ioredis';
import { connectCluster, connectSingle, reconnectDelayMs } from './redis-clients.ts';
import { failedAsCommands } from './redis-complaint.ts';
import { readMessages } from './redis-messages.ts';
import { PublishCommand, silence, writePublish } from './redis-publish.ts';
import { RedisState } from './redis-state.ts';
import { type RedisOptions, redisName } from './redis-url.ts';
import { giveBack } from './write-copy.ts';
import { countGarbage } from './young-garbage.ts';

const closeMs = 500;
const refreshMs = 1_000;
/** What a replica says of what it is to write, and of everything where it has nothing of its master yet. */
const isReplica = /^(READONLY|MASTERDOWN)\b/;
/** What Redis says of a key under which there is no text. */
const isNoText = /^WRONGTYPE\b/;

/**
 * One hub's connections to Redis, whatever kind of Redis it is: one for commands, one to listen on, and one to send
 * messages on; a Redis Cluster has its own. They come back by themselves. While they are lost nothing is kept for later:
 * every command rejects at once.
 */
export class RedisConnection {
  /** What it is called in logs: without user and password. */
  readonly name: string;
  /** How often a connection was lost. */
  lossCount = 0;
  readonly #options: RedisOptions;
  #commands: Redis | Cluster;
  #subscriber: Redis | Cluster;
  /** Once it is ready we write on its socket ourselves. Undefined for a Redis Cluster, where the library finds the node. */
  readonly #sender: Redis | undefined;
  readonly #receivers = new Map<string, (message: Buffer) => void>();
  readonly #onError: (thrown: unknown) => void;
  readonly #onConnected = new Set<() => void>();
  #onRefused: () => void = () => undefined;
  readonly #state: RedisState;
  /** Asks a Redis Cluster now and then who serves what. */
  readonly #refreshing: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `onError` is told what a receiver threw. */
  constructor(options: RedisOptions, onError: (thrown: unknown) => void) {
    this.#onError = onError;
    this.#options = options;
    this.name = redisName(options);
    this.#state = new RedisState(options, () => this.isUp);
    if (options.kind === 'cluster') {
      this.#commands = this.#subscriber = this.#newCluster();
      // The library's own timer sometimes outlives it: when it is closed while it asks.
      this.#refreshing = setInterval(() => this.#refresh(), refreshMs).unref();
    } else {
      this.#commands = this.#watched(connectSingle(options));
      this.#subscriber = this.#watched(connectSingle(options, { isReadInPlace: true }));
      this.#sender = this.#watched(connectSingle(options));
    }
  }

  /** What Redis, or the way to it, last complained of since it was connected. */
  get lastError(): string {
    return this.#state.lastError;
  }

  /** Whether commands go through at present. */
  get takesCommands(): boolean {
    return this.#commands.status === 'ready' && !this.#state.isMisplaced;
  }

  /** Whether messages can be sent at present. */
  get takesMessages(): boolean {
    return (this.#sender ?? this.#commands).status === 'ready';
  }

  /** Whether it also hears what is published. */
  get isUp(): boolean {
    return this.takesCommands && this.takesMessages && this.#subscriber.status === 'ready';
  }

  /** Whether Redis has said that we may not listen. */
  get isRefused(): boolean {
    return this.#state.isRefused;
  }

  /** Why it is not up. */
  get reason(): string {
    return this.isUp && !this.isRefused
      ? ''
      : `${this.name} cannot be reached: ${this.lastError || 'the connection was lost'}`;
  }

  /** Runs `action` each time that a connection has come back: Redis may have lost everything, or we what it told. */
  onConnected(action: () => void): void {
    this.#onConnected.add(action);
  }

  /** Runs `action` each time that Redis does not note, or tell, what it was asked to. */
  onRefused(action: () => void): void {
    this.#onRefused = action;
  }

  /** Tells of connection and loss, once each; also when the first attempt fails. */
  onChange(action: (isUp: boolean) => void): void {
    this.#state.onChange(action);
  }

  /**
   * Receives what is published on a channel from now on, whenever Redis can be reached. A message's buffer may be used
   * again afterwards.
   */
  listen(channel: string, receive: (message: Buffer) => void): void {
    this.#receivers.set(channel, receive);
    if (this.#subscriber.status === 'ready') this.#subscribe([channel]);
  }

  /** Sends a message to whoever listens, and gives how many did. */
  publish(channel: string, message: Buffer): Promise<number> {
    return this.takesCommands ? this.#publish(channel, [message]) : this.#refused();
  }

  /**
   * Sends a message, given in pieces, to whoever listens, without hearing whether anybody did, and calls `written` once no
   * more has to be kept of it here. Messages stay in order, but not with what else is published.
   */
  send(channel: string, pieces: readonly Buffer[], written: () => void): void {
    if (!this.takesMessages) written();
    else if (this.#sender) {
      writePublish(this.#sender.stream, channel, pieces, () => {
        for (const piece of pieces) giveBack(piece);
        written();
      });
    }
    // What the library has given up may still be waiting in its socket: nothing of that is given back.
    else this.#publish(channel, pieces).then(written, written);
  }

  /** Null where there is no text. */
  async get(key: string): Promise<string | null> {
    if (!this.takesCommands) return await this.#refused();
    const text = this.#commands.get(key).catch((error: Error) => {
      if (isNoText.test(error.message)) return null;
      throw error;
    });
    return await this.#heeded(text);
  }

  /** Sets a key that expires, unless it is there. Gives whether it was set. */
  async add(key: string, value: string, ttlMs: number): Promise<boolean> {
    if (!this.takesCommands) return await this.#refused();
    return (await this.#heeded(this.#commands.set(key, value, 'PX', ttlMs, 'NX'))) === 'OK';
  }

  /**
   * Runs a script on one key, which is all that a script may touch in a Redis Cluster. Its text is sent each time: a
   * call by its hash may need a second attempt, which would run later than what was called after it. What is no text
   * there is deleted first: nobody else has a use for keys of ours.
   */
  async run(script: string, key: string, ...args: (string | number)[]): Promise<unknown> {
    if (!this.takesCommands) return await this.#refused();
    const run = (): Promise<unknown> =>
      this.#heeded(this.#commands.eval(script, 1, key, ...args).catch(failedAsCommands));
    return await run().catch(async (error: Error) => {
      if (!isNoText.test(error.message)) throw error;
      await this.#commands.del(key);
      return await run();
    });
  }

  /** Gives up connections that look alive and carry nothing, with all that was written to them: the next may be no better. */
  reset(reason: string): void {
    this.#state.doubted();
    this.#giveUp(reason);
  }

  /** What was published has come back: only now others are told that it is up. */
  proved(): void {
    this.#state.proved();
  }

  /** Waits until Redis has answered what it was asked, a moment at most. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#refreshing);
    if (this.#commands.status === 'ready') {
      const late = new Promise((resolve) => setTimeout(resolve, closeMs).unref());
      await Promise.race([this.#commands.quit().catch(() => undefined), late]);
    }
    for (const client of this.#clients()) client.disconnect();
  }

  #clients(): Set<Redis | Cluster> {
    return new Set([this.#commands, this.#subscriber, ...(this.#sender ? [this.#sender] : [])]);
  }

  #newCluster(): Cluster {
    const cluster: Cluster = connectCluster(this.#options, (error) => {
      if (cluster === this.#commands) this.#failed(error);
    });
    cluster.on('smessageBuffer', (channel: Buffer, message: Buffer) => {
      countGarbage(message.length);
      this.#receive(channel.toString('latin1'), message);
    });
    return this.#watched(cluster);
  }

  /** Heeds what a client tells, as long as it is in use. */
  #watched<T extends Redis | Cluster>(client: T): T {
    const heed = <A extends unknown[]>(event: string, action: (...args: A) => void): void => {
      client.on(event, (...args: A) => {
        if (this.#clients().has(client)) action(...args);
      });
    };
    heed('error', (error: Error) => this.#failed(error));
    heed('node error', (error: Error) => this.#failed(error));
    heed('+node', () => this.#connected());
    // Of a Redis Cluster one node may come back empty while the others stay.
    heed('-node', () => {
      if (this.isUp) this.lossCount += 1;
    });
    heed('ready', () => this.#ready(client));
    heed('end', () => this.#revive(client));
    heed('reconnecting', () => this.#lost(client));
    return client;
  }

  #ready(client: Redis | Cluster): void {
    if (client === this.#sender) silence(this.#sender.stream);
    if (client === this.#subscriber) {
      this.#state.listening();
      if (client instanceof Redis) {
        readMessages(client.stream, (channel, message) => this.#receive(channel, message));
      }
      this.#subscribe([...this.#receivers.keys()]);
    }
    this.#connected();
  }

  #lost(client: Redis | Cluster): void {
    this.lossCount += 1;
    this.#state.lost({ isForCommands: client === this.#commands });
  }

  #refresh(): void {
    if (this.#commands.status === 'ready') (this.#commands as Cluster).refreshSlotsCache();
  }

  #publish(channel: string, pieces: readonly Buffer[]): Promise<number> {
    const name = this.#commands instanceof Cluster ? 'spublish' : 'publish';
    const command = new PublishCommand(name, channel, pieces);
    this.#commands.sendCommand(command);
    return command.promise;
  }

  /** A client gives up when it is disconnected while it looks for its server. */
  #revive(client: Redis | Cluster): void {
    if (this.#isClosed) return;
    const retry = (): void => {
      if (!this.#isClosed && client.status === 'end') client.connect().catch((error: Error) => this.#failed(error));
    };
    setTimeout(retry, reconnectDelayMs(10)).unref();
  }

  #refused(): Promise<never> {
    return Promise.reject(new Error(this.reason));
  }

  /** A server that has become a replica cuts nobody off, but the master may be found where it was. */
  #heeded<T>(reply: Promise<T>): Promise<T> {
    reply.catch(({ message }: Error) => {
      this.#onRefused();
      if (!isReplica.test(message) || this.#isClosed || !this.isUp || this.#state.isLeaving) return;
      this.#state.left();
      this.#giveUp(message);
    });
    return reply;
  }

  #giveUp(reason: string): void {
    this.#state.givenUp(reason);
    if (this.#commands instanceof Cluster) this.#replace(this.#commands);
    else for (const client of this.#clients()) client.disconnect(true);
  }

  /**
   * The library waits for ever for a connection to listen on that it has given up before that was ready, and until then
   * makes no other: a node that hangs is enough. So it begins anew.
   */
  #replace(cluster: Cluster): void {
    this.#commands = this.#subscriber = this.#newCluster();
    cluster.disconnect();
    this.#lost(this.#commands);
  }

  #connected(): void {
    this.#state.connected();
    for (const action of this.#onConnected) action();
  }

  #failed(error: Error): void {
    if (!this.#isClosed) this.#state.failed(error);
  }

  #receive(channel: string, message: Buffer): void {
    try {
      this.#receivers.get(channel)?.(message);
    } catch (thrown) {
      this.#onError(thrown);
    }
  }

  #subscribe(channels: readonly string[]): void {
    if (channels.length === 0) return;
    const asked =
      this.#subscriber instanceof Cluster
        ? channels.map((channel) => (this.#subscriber as Cluster).ssubscribe(channel))
        : [this.#subscriber.subscribe(...channels)];
    // Without its subscriptions a connection is of no use: try with the next one.
    for (const done of asked) {
      done.catch((error: Error) => {
        if (!this.#isClosed) this.#state.refused(error);
      });
    }
  }
}
