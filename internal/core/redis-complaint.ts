import { ReplyError } from '#internal/core/ioredis';
import { messageOf } from './errors.ts';
import type { RedisOptions } from './redis-url.ts';

/**
 * What Redis, or the way to it, complains of. `isNew`: it was never reached; then a wrong URL is likely, whose traces say
 * nothing of it.
 */
export function complaintOf(error: Error, { isTls, kind }: RedisOptions, { isNew }: { isNew: boolean }): string {
  // Of a Redis Cluster the library says only that nobody would tell who serves what.
  const message = messageOf((error as { lastNodeError?: Error }).lastNodeError ?? error);
  if (/unknown command .s(publish|subscribe)/i.test(message))
    return `${message} (a Redis Cluster has to be Redis 7 or later)`;
  if (!isNew) return message;
  if (kind === 'cluster' && /cluster support disabled/.test(message)) {
    return `${message} (redis+cluster:// is for a Redis Cluster)`;
  }
  if (isTls && /ETIMEDOUT|ECONNRESET|wrong version number/i.test(message)) {
    return `${message} (rediss:// is for a server that speaks TLS)`;
  }
  // What it says when it hangs up at once is lost to what we write meanwhile.
  if (/EPIPE/.test(message)) return `${message} (it hangs up on whoever connects: its maxclients may be reached)`;
  if (!isTls && /ECONNRESET/.test(message)) return `${message} (if it speaks TLS, its URL begins with rediss)`;
  return message;
}

/** Whether Redis itself has said no: not that the way to it is lost or slow. */
export function isRefusal(error: Error | undefined): boolean {
  return error instanceof ReplyError;
}

/** What Redis before 7 says of a script before it says why that failed. */
const scriptFailure = /^ERR Error running script \(call to \w+\): (?:@user_script: ?\d+: )+-?/;

/** Throws why a script failed, in the words that Redis has for any other command. */
export function failedAsCommands(error: Error): never {
  error.message = error.message.replace(scriptFailure, '');
  throw error;
}
