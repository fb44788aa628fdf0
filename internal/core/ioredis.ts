import { AbstractConnector, Cluster, Command, Redis, ReplyError } from 'ioredis';

// The library is imported here alone: it has to be followed by what mends the engine's idea of texts.
settleTexts();

export { AbstractConnector, Cluster, Command, Redis, ReplyError };

/**
 * The library has a class that extends `String`. V8 takes that for the beginning of changes to `String.prototype`, and from
 * then on looks methods of texts up one by one at each call, where it had compiled them into the caller: heads cost a
 * fifth more. It sees that nothing changes once a function that runs often meets a `String` that is an object.
 */
function settleTexts(): void {
  const text: { length: number } = Object('');
  for (let sum = 0; sum < 1_000; sum += 1 + text.length);
}
