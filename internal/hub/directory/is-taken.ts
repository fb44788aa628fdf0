import type { Directory } from './directory.ts';

/** Whether another session than this one serves a client id. */
export async function isTaken(
  directory: Pick<Directory, 'find' | 'invalidate'>,
  clientId: string,
  session: string,
): Promise<boolean> {
  const remembered = await directory.find(clientId);
  if (!remembered || remembered.session === session) return false;
  // What is remembered here may be outdated.
  directory.invalidate(remembered.session);
  const holder = await directory.find(clientId);
  return holder !== undefined && holder.session !== session;
}
