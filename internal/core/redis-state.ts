import { messageOf } from './errors.ts';
import { complaintOf, isRefusal } from './redis-complaint.ts';
import { closedMessage } from './redis-connector.ts';
import type { RedisOptions } from './redis-url.ts';

/** How often at most a server is left that is a replica, and how long that is not told as a loss. */
const leaveMs = 1_000;
/** What Redis says of a database that it does not have. */
const noSuchDatabase = /DB index is out of range/;
const notYet = 'not connected yet';

/** What is known of whether Redis can be used, why not, and what others were told of it. */
export class RedisState {
  readonly #options: RedisOptions;
  readonly #isUp: () => boolean;
  #onChange: (isUp: boolean) => void = () => undefined;
  #lastError = notYet;
  /** Why it may not listen; another connection that comes says nothing of that. */
  #refusal: Error | undefined;
  /** Why it would be used in a place that it was not told: the library goes on with the first database then. */
  #misplacement = '';
  /** What was told last. */
  #wasUp: boolean | undefined;
  #wasEverUp = false;
  /** The connections were given up since nothing came back that was published, and nothing has since. */
  #isDoubted = false;
  /** When a server was left last because it is a replica. */
  #leftAt = Number.NEGATIVE_INFINITY;

  /** `isUp` says whether it can be used at present. */
  constructor(options: RedisOptions, isUp: () => boolean) {
    this.#options = options;
    this.#isUp = isUp;
  }

  /** What Redis, or the way to it, last complained of since it was connected. */
  get lastError(): string {
    return this.#misplacement || this.#lastError || (this.#refusal ? messageOf(this.#refusal) : '');
  }

  /** Whether Redis has said that it may not listen. */
  get isRefused(): boolean {
    return isRefusal(this.#refusal);
  }

  /** Whether commands would go to another database than they should. */
  get isMisplaced(): boolean {
    return this.#misplacement !== '';
  }

  /** Whether a server was left a moment ago. */
  get isLeaving(): boolean {
    return performance.now() - this.#leftAt < leaveMs;
  }

  /** Tells of connection and loss, once each; also when the first attempt fails. */
  onChange(action: (isUp: boolean) => void): void {
    this.#onChange = action;
  }

  /** A connection is there. */
  connected(): void {
    // What the first of them says nothing of, the others may still fail for.
    if (!this.#isUp()) return;
    this.#lastError = '';
    this.#tell();
  }

  /** A connection was lost. Of that for commands, the next one chooses its database anew. */
  lost({ isForCommands }: { isForCommands: boolean }): void {
    if (isForCommands) this.#misplacement = '';
    this.#tell();
  }

  failed(error: Error): void {
    const complaint = complaintOf(error, this.#options, { isNew: !this.#wasEverUp });
    // It says nothing of why.
    if (complaint !== closedMessage || this.#lastError === '' || this.#lastError === notYet)
      this.#lastError = complaint;
    if (noSuchDatabase.test(this.#lastError)) this.#misplacement = this.#lastError;
    this.#tell();
  }

  /** It may not listen. */
  refused(error: Error): void {
    this.#refusal = error;
    this.failed(error);
  }

  /** It asks anew whether it may listen. */
  listening(): void {
    this.#refusal = undefined;
  }

  /** Connections are given up for that reason. */
  givenUp(reason: string): void {
    this.#lastError = reason;
  }

  /** A server is left, for the one that may be found where it was. */
  left(): void {
    this.#leftAt = performance.now();
  }

  /** Nobody is told that it is up again until it is `proved`. */
  doubted(): void {
    this.#isDoubted = true;
  }

  /** What was published has come back. */
  proved(): void {
    if (!this.#isDoubted) return;
    this.#isDoubted = false;
    this.#tell();
  }

  #tell(): void {
    // It may refuse before all connections are there, and then another one that comes is no news.
    const isUp = this.#isUp() && !this.isRefused;
    if (isUp === this.#wasUp || this.isLeaving || (isUp && this.#isDoubted)) return;
    this.#wasUp = isUp;
    this.#wasEverUp ||= isUp;
    this.#onChange(isUp);
  }
}
