import { after, type TestContext, test } from 'node:test';
import { startTunnel } from './processes.ts';
import type { Way } from './upgrade-origin.ts';

type Case = (t: TestContext, way: Way & { isTunnel: boolean }) => Promise<void>;

/** Gives what declares a test that runs twice: straight to a service on a port, and through a tunnel to it. */
export async function bothWays(originPort: number): Promise<(name: string, run: Case) => void> {
  const { port, host } = await startTunnel({ after }, originPort);
  const straight = { port: originPort, host: `localhost:${originPort}`, isTunnel: false };
  const through = { port, host, isTunnel: true };
  return (name, run) => {
    // What the service itself does not do is no fault of the tunnel.
    test(`straight to the service, ${name}`, (t) => run(t, straight));
    test(`through the tunnel, ${name}`, (t) => run(t, through));
  };
}
