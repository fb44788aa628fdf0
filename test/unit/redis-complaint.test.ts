import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complaintOf, failedAsCommands } from '#internal/core/redis-complaint';
import { parseRedisUrl } from '#internal/core/redis-url';

const sha = '2e65ebaca9721a6adf319d72fbee6e3199f69a4e';

/** What servers said, and what of that is why. */
const said = {
  [`ERR Error running script (call to f_${sha}): @user_script:2: @user_script: 2: -READONLY You can't write against a read only replica.`]:
    "READONLY You can't write against a read only replica.",
  [`ERR Error running script (call to f_${sha}): @user_script:2: @user_script: 2: The user executing the script can't run this command or subcommand`]:
    "The user executing the script can't run this command or subcommand",
  [`ERR Error running script (call to f_${sha}): @user_script:1: WRONGTYPE Operation against a key holding the wrong kind of value`]:
    'WRONGTYPE Operation against a key holding the wrong kind of value',
  [`OOM command not allowed when used memory > 'maxmemory'. script: ${sha}, on @user_script:2.`]: `OOM command not allowed when used memory > 'maxmemory'. script: ${sha}, on @user_script:2.`,
};

test('why a script failed is told as of any other command, whatever the version of Redis', () => {
  for (const [message, why] of Object.entries(said)) {
    assert.throws(() => failedAsCommands(new Error(message)), { message: why });
  }
});

for (const command of ['spublish', 'SSUBSCRIBE']) {
  test(`a Redis Cluster that does not know ${command} is told to be too old`, () => {
    const error = new Error(`ERR unknown command '${command}', with args beginning with: 'adit:node:1' `);
    const complaint = complaintOf(error, parseRedisUrl('redis+cluster://h'), { isNew: false });
    assert.match(complaint, /^ERR unknown command .*\(a Redis Cluster has to be Redis 7 or later\)$/);
  });
}
