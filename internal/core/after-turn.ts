let waiting: (() => void)[] = [];
const done = Promise.resolve();

/**
 * Calls `action` when the present callback of the event loop is over. One reaction of a promise serves all that ask for one
 * in the same callback; a tick of Node's own is an object that the engine makes slowly, and costs as much as a good part of
 * a small request. What an action throws ends the process.
 */
export function afterTurn(action: () => void): void {
  if (waiting.push(action) === 1) void done.then(callAll);
}

function callAll(): void {
  const actions = waiting;
  waiting = [];
  for (const action of actions) action();
}
