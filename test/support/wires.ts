import { type Cleanup, type HubProcess, startAgent, startHub } from './processes.ts';

/** A hub that an agent of each wire publishes the same service through. */
export async function startWires(
  t: Cleanup,
  originPort: number,
  hubArgs: string[] = [],
): Promise<{ port: number; hub: HubProcess; hosts: Record<'v1' | 'v2', string> }> {
  const hub = await startHub(t, hubArgs);
  const agent = async (wire: string): Promise<string> =>
    (await startAgent(t, ['--hub', hub.url, '--wire', wire, String(originPort)])).hostname;
  const [v1, v2] = await Promise.all([agent('v1'), agent('v2')]);
  return { port: hub.port, hub, hosts: { v1, v2 } };
}
