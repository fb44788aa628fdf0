import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplyError } from '#internal/core/ioredis';
import { RedisState } from '#internal/core/redis-state';
import { parseRedisUrl } from '#internal/core/redis-url';

/** What a hub is told of a Redis whose connections are in the hand of a test. */
function watchedState(): { state: RedisState; told: boolean[]; connect(): void } {
  let isUp = false;
  const state = new RedisState(parseRedisUrl('redis://127.0.0.1'), () => isUp);
  const told: boolean[] = [];
  state.onChange((isUpNow) => told.push(isUpNow));
  const connect = (): void => {
    isUp = true;
    state.connected();
  };
  return { state, told, connect };
}

const refusal = new ReplyError("NOPERM this user has no permissions to run the 'subscribe' command");

test('a Redis that refuses before all connections are there is not told to be connected once they are', () => {
  const { state, told, connect } = watchedState();
  state.refused(refusal);
  connect();
  assert.deepEqual(told, [false]);
  assert.match(state.lastError, /NOPERM/);
  state.listening();
  state.connected();
  assert.deepEqual(told, [false, true]);
});

test('one that refuses afterwards is told to be lost', () => {
  const { state, told, connect } = watchedState();
  connect();
  state.refused(refusal);
  assert.deepEqual(told, [true, false]);
});
