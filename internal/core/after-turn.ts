let waiting: (() => void)[] = [];

/**
 * Calls `action` when the present callback of the event loop is over. One tick serves all that ask for one in the same
 * callback: Node's own costs as much as a good part of a small request. What an action throws ends the process.
 */
export function afterTurn(action: () => void): void {
  if (waiting.push(action) === 1) process.nextTick(callAll);
}

function callAll(): void {
  const actions = waiting;
  waiting = [];
  for (const action of actions) action();
}
