import type { Directory } from './directory.ts';

type Asked = Pick<Directory, 'find' | 'invalidate'>;

/** Those of a session's client ids that other sessions serve by now. */
export async function takenIds(directory: Asked, clientIds: readonly string[], session: string): Promise<string[]> {
  const are = await Promise.all(clientIds.map((clientId) => isTaken(directory, clientId, session)));
  return clientIds.filter((_, i) => are[i]);
}

async function isTaken(directory: Asked, clientId: string, session: string): Promise<boolean> {
  const remembered = await directory.find(clientId);
  if (!remembered || remembered.session === session) return false;
  // What is remembered here may be outdated.
  directory.invalidate(remembered.session);
  const holder = await directory.find(clientId);
  return holder !== undefined && holder.session !== session;
}
