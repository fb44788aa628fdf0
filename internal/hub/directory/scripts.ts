// Each script touches the one key that it is given: all that a script may do in a Redis Cluster.

/** Takes the key whoever had it. Gives the value that it had. ARGV: value, lease in milliseconds. */
export const takeScript = `
local held = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return held`;

/**
 * Renews the lease of the key, or puts it back where it is missing. Gives another value that it has by now, which it
 * keeps. ARGV: value, lease in milliseconds.
 */
export const keepScript = `
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false`;

/** Replaces the value if it is still the one that was read. Gives 1 or 0. ARGV: old, new, lease in milliseconds. */
export const replaceScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;

/** Deletes the key if it still has this value. Gives 1 or 0. ARGV: value. */
export const dropScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/** Sets the key for good where it is missing. Gives the value that it has then. ARGV: value. */
export const markScript = `
local held = redis.call('GET', KEYS[1])
if held then return held end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]`;
