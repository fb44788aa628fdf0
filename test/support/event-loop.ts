/** The longest time in milliseconds for which `action` kept the event loop from turning; the best of three runs. */
export async function longestStall(action: () => Promise<unknown>): Promise<number> {
  const runs: number[] = [];
  // Other programs may have the processor just then, but hardly three times.
  for (let run = 0; run < 3; run += 1) runs.push(await stallOf(action));
  return Math.min(...runs);
}

async function stallOf(action: () => Promise<unknown>): Promise<number> {
  let lastTurn = performance.now();
  let longest = 0;
  let isOver = false;
  const look = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - lastTurn);
    lastTurn = now;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  await action();
  await new Promise((resolve) => setImmediate(resolve));
  isOver = true;
  return longest;
}
