import { Cluster, Redis } from '#internal/core/ioredis';
import { messageOf } from './errors.ts';
import { connectCluster, connectSingle, reconnectDelayMs } from './redis-clients.ts';
import { complaintOf } from './redis-complaint.ts';
import { closedMessage } from './redis-connector.ts';
import { readMessages } from './redis-messages.ts';
import { PublishCommand, silence, writePublish } from './redis-publish.ts';
import { type RedisOptions, redisName } from './redis-url.ts';
import { giveBack } from './write-copy.ts';
import { countGarbage } from './young-garbage.ts';

const closeMs = 500;
const refreshMs = 1_000;
/** How often at most a server is left that is a replica, and how long that is not told as a loss. */
const leaveMs = 1_000;
/** What Redis says of a database that it does not have. */
const noSuchDatabase = /DB index is out of range/;
/** What a replica says of what it is to write. */
const isReplica = /^READONLY\b/;
const notYet = 'not connected yet';

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
  readonly #commands: Redis | Cluster;
  readonly #subscriber: Redis | Cluster;
  /** Once it is ready we write on its socket ourselves. Undefined for a Redis Cluster, where the library finds the node. */
  readonly #sender: Redis | undefined;
  readonly #receivers = new Map<string, (message: Buffer) => void>();
  readonly #onError: (thrown: unknown) => void;
  readonly #onConnected = new Set<() => void>();
  #onChange: (isUp: boolean) => void = () => undefined;
  #lastError = notYet;
  /** Why it may not listen; another connection that comes says nothing of that. */
  #refusal = '';
  /** Why it would be used in a place that it was not told: the library goes on with the first database then. */
  #misplacement = '';
  /** What was told last of whether it is up. */
  #wasUp: boolean | undefined;
  #wasEverUp = false;
  /** The connections were given up since nothing came back that was published, and nothing has since. */
  #isDoubted = false;
  /** When a server was left last because it is a replica. */
  #leftAt = Number.NEGATIVE_INFINITY;
  /** Asks a Redis Cluster now and then who serves what. */
  readonly #refreshing: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `onError` is told what a receiver threw. */
  constructor(options: RedisOptions, onError: (thrown: unknown) => void) {
    this.#onError = onError;
    this.#options = options;
    this.name = redisName(options);
    if (options.kind === 'cluster') {
      const cluster = connectCluster(options, (error) => this.#failed(error));
      this.#commands = this.#subscriber = cluster;
      // The library's own timer sometimes outlives it: when it is closed while it asks.
      this.#refreshing = setInterval(
        () => cluster.status === 'ready' && cluster.refreshSlotsCache(),
        refreshMs,
      ).unref();
      this.#commands.on('node error', (error: Error) => this.#failed(error));
      this.#commands.on('+node', () => this.#connected());
      this.#subscriber.on('smessageBuffer', (channel: Buffer, message: Buffer) => {
        countGarbage(message.length);
        this.#receive(channel.toString('latin1'), message);
      });
    } else {
      this.#commands = connectSingle(options);
      this.#subscriber = connectSingle(options, { isReadInPlace: true });
      this.#sender = connectSingle(options);
      for (const client of [this.#subscriber, this.#sender]) client.on('error', (error) => this.#failed(error));
    }
    this.#commands.on('error', (error) => this.#failed(error));
    this.#commands.on('ready', () => this.#connected());
    this.#subscriber.on('ready', () => {
      this.#refusal = '';
      if (this.#subscriber instanceof Redis) {
        readMessages(this.#subscriber.stream, (channel, message) => this.#receive(channel, message));
      }
      this.#subscribe([...this.#receivers.keys()]);
      this.#connected();
    });
    this.#sender?.on('ready', () => {
      silence((this.#sender as Redis).stream);
      this.#connected();
    });
    for (const client of this.#clients()) {
      client.on('end', () => this.#revive(client));
      client.on('reconnecting', () => {
        // Each of them chooses its database, but only commands have to do with it.
        if (client === this.#commands) this.#misplacement = '';
        this.lossCount += 1;
        this.#tellChange();
      });
    }
  }

  /** What Redis, or the way to it, last complained of since it was connected. */
  get lastError(): string {
    return this.#misplacement || this.#lastError || this.#refusal;
  }

  /** Whether commands go through at present. */
  get takesCommands(): boolean {
    return this.#commands.status === 'ready' && this.#misplacement === '';
  }

  /** Whether messages can be sent at present. */
  get takesMessages(): boolean {
    return (this.#sender ?? this.#commands).status === 'ready';
  }

  /** Whether it also hears what is published. */
  get isUp(): boolean {
    return this.takesCommands && this.takesMessages && this.#subscriber.status === 'ready';
  }

  /** Why it is not up. */
  get reason(): string {
    return this.isUp ? '' : `${this.name} cannot be reached: ${this.lastError || 'the connection was lost'}`;
  }

  /** Runs `action` each time that a connection has come back: Redis may have lost everything, or we what it told. */
  onConnected(action: () => void): void {
    this.#onConnected.add(action);
  }

  /** Tells of connection and loss, once each; also when the first attempt fails. */
  onChange(action: (isUp: boolean) => void): void {
    this.#onChange = action;
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

  get(key: string): Promise<string | null> {
    if (!this.takesCommands) return this.#refused();
    return this.#commands.get(key);
  }

  /** Sets a key that expires, unless it is there. Gives whether it was set. */
  async add(key: string, value: string, ttlMs: number): Promise<boolean> {
    if (!this.takesCommands) return await this.#refused();
    return (await this.#heeded(this.#commands.set(key, value, 'PX', ttlMs, 'NX'))) === 'OK';
  }

  /**
   * Runs a script on one key, which is all that a script may touch in a Redis Cluster. Its text is sent each time: a
   * call by its hash may need a second attempt, which would run later than what was called after it.
   */
  run(script: string, key: string, ...args: (string | number)[]): Promise<unknown> {
    if (!this.takesCommands) return this.#refused();
    return this.#heeded(this.#commands.eval(script, 1, key, ...args));
  }

  /** Gives up connections that look alive and carry nothing, with all that was written to them: the next may be no better. */
  reset(reason: string): void {
    this.#isDoubted = true;
    this.#giveUp(reason);
  }

  /** What was published has come back: only now others are told that it is up. */
  proved(): void {
    if (!this.#isDoubted) return;
    this.#isDoubted = false;
    this.#tellChange();
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
      if (!isReplica.test(message) || this.#isClosed || !this.isUp || this.#isLeaving()) return;
      this.#leftAt = performance.now();
      this.#giveUp(message);
    });
    return reply;
  }

  #giveUp(reason: string): void {
    this.#lastError = reason;
    for (const client of this.#clients()) client.disconnect(true);
  }

  #isLeaving(): boolean {
    return performance.now() - this.#leftAt < leaveMs;
  }

  #connected(): void {
    // What the first of them says nothing of, the others may still fail for.
    if (this.isUp) {
      this.#lastError = '';
      this.#tellChange();
    }
    for (const action of this.#onConnected) action();
  }

  #failed(error: Error): void {
    if (this.#isClosed) return;
    const complaint = complaintOf(error, this.#options, { isNew: !this.#wasEverUp });
    // It says nothing of why.
    if (complaint !== closedMessage || this.#lastError === '' || this.#lastError === notYet)
      this.#lastError = complaint;
    if (noSuchDatabase.test(this.#lastError)) this.#misplacement = this.#lastError;
    this.#tellChange();
  }

  #tellChange(): void {
    const { isUp } = this;
    if (isUp === this.#wasUp || this.#isLeaving() || (isUp && this.#isDoubted)) return;
    this.#wasUp = isUp;
    this.#wasEverUp ||= isUp;
    this.#onChange(isUp);
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
        this.#refusal = messageOf(error);
        this.#failed(error);
      });
    }
  }
}
