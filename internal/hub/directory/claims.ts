import type { RedisConnection } from '#internal/core/redis';
import { LeasedKeys, leaseMs } from './leased-keys.ts';

// A value is a session, a blank, and when that claimed the id, in milliseconds: no claim has an earlier time than one that
// it has seen. So which of two is the later one can be told even of a Redis that came back with what it had some time ago.

/** Gives what the key had, and when this claim is. ARGV: session, time, lease in milliseconds. */
const takeScript = `
local held = redis.call('GET', KEYS[1])
local before = tonumber(string.match(held or '', ' (%d+)$') or 0)
local at = string.format('%.0f', math.max(before + 1, tonumber(ARGV[2])))
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. at, 'PX', ARGV[3])
return {held, at}`;

/** Gives 0 if a later claim has the key, or when this one is. ARGV: session, time, lease in milliseconds. */
const keepScript = `
local session, at = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (%d+)$')
if session == ARGV[1] then
  at = string.format('%.0f', math.max(tonumber(at), tonumber(ARGV[2])))
elseif session and tonumber(at) >= tonumber(ARGV[2]) then
  return '0'
else
  at = ARGV[2]
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. at, 'PX', ARGV[3])
return at`;

/** Gives 1 or 0. ARGV: session. */
const dropScript = `
if string.match(redis.call('GET', KEYS[1]) or '', '^%S+') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/** Which session has claimed a client id, in Redis. Each step throws ADIT_HUB_BUSY when that does not answer. */
export class Claims {
  readonly #keys: LeasedKeys;

  constructor(connection: RedisConnection) {
    this.#keys = new LeasedKeys('adit:tunnel:', connection);
  }

  async get(clientId: string): Promise<string | null> {
    return sessionOf(await this.#keys.get(clientId));
  }

  /** Claims an id at this time, whoever had it. Gives who had, and when the claim is: later than theirs. */
  async take(clientId: string, session: string, wallMs: number): Promise<{ previous: string | null; at: number }> {
    const [held, at] = (await this.#keys.run(takeScript, clientId, session, wallMs, leaseMs)) as [
      string | null,
      string,
    ];
    return { previous: sessionOf(held), at: Number(at) };
  }

  /** Renews a claim of this time, or puts it back. Gives when it is; undefined: there is a later one of another session. */
  async keep(clientId: string, session: string, at: number): Promise<number | undefined> {
    return Number(await this.#keys.run(keepScript, clientId, session, at, leaseMs)) || undefined;
  }

  /** Frees an id that is still this session's. */
  async drop(clientId: string, session: string): Promise<void> {
    await this.#keys.run(dropScript, clientId, session);
  }
}

function sessionOf(value: string | null): string | null {
  return value && (value.split(' ', 1)[0] as string);
}
