import { mkdirSync, rmSync, statSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { AditError } from '#internal/core/errors';

/** Who holds a lock. */
export interface LockHolder {
  pid: number;
  /** The published service, as it was named. */
  origin: string;
}

/**
 * A lock that one process of this user can hold: a local socket that its holder listens on, and that tells about the
 * holder. It ends with its process whatever happens, which a file with a process id in it does not.
 */
export class RuntimeLock {
  readonly #server: Server;
  readonly #path: string;

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /** Takes the lock called `name` in the folder, or gives who holds it. */
  static async take(folder: string, name: string, self: LockHolder): Promise<RuntimeLock | LockHolder> {
    const path = socketPath(folder, name);
    prepareFolder(folder);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const server = await listen(path, self);
      if (server) return new RuntimeLock(server, path);
      const before = identity(path);
      const holder = await ask(path);
      if (holder) return holder;
      // Nobody answers on it: its process was killed. Another one may have cleared it away and taken its place since.
      if (before !== undefined && identity(path) === before) rmSync(path, { force: true });
    }
    throw new Error(`cannot take the lock ${path}`);
  }

  release(): void {
    this.#server.close();
    if (process.platform !== 'win32') rmSync(this.#path, { force: true });
  }
}

/** Tells one socket at a path from a later one. A named pipe has no file that could be left behind. */
function identity(path: string): string | undefined {
  if (process.platform === 'win32') return undefined;
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.ino} ${stat.mtimeNs}`;
}

function prepareFolder(folder: string): void {
  if (process.platform === 'win32') return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // In a folder for all, somebody else may have been first, and would then answer in our place.
  if (statSync(folder).uid !== process.getuid?.()) {
    throw new AditError(
      'ADIT_FAILED',
      `the folder ${folder} belongs to another user: set XDG_RUNTIME_DIR to one of yours`,
    );
  }
}

/** Windows has named pipes instead; elsewhere a path may have no more than some 100 bytes. */
function socketPath(folder: string, name: string): string {
  return process.platform === 'win32' ? `\\\\.\\pipe\\adit-${name}` : join(folder, `${name}.lock`);
}

async function listen(path: string, self: LockHolder): Promise<Server | undefined> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // Whoever asked has left.
    socket.end(JSON.stringify(self));
  });
  return await new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => {
      // A lock alone keeps no process alive.
      server.unref();
      resolve(server);
    });
  });
}

async function ask(path: string): Promise<LockHolder | undefined> {
  return await new Promise((resolve) => {
    let text = '';
    let isConnected = false;
    const socket = createConnection(path);
    socket.once('connect', () => {
      isConnected = true;
    });
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
    });
    socket.on('error', () => undefined); // The close that follows tells as much.
    socket.once('close', () => {
      try {
        resolve(JSON.parse(text) as LockHolder);
      } catch {
        // A holder that is stopped still holds it.
        resolve(isConnected ? { pid: 0, origin: 'unknown' } : undefined);
      }
    });
  });
}
