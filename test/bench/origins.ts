import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startNginx } from '../support/nginx.ts';
import { type Cleanup, freePort, Program, temporaryFolder } from '../support/processes.ts';

/** A body's length where the row says 100 MB. */
export const transferBytes = 100_000_000;

/** What every subject publishes. */
export interface Origins {
  /** nginx: 100 bytes at /, and the files /100kB and /100MB. */
  web: { port: number; pid: number };
  /** A Node program that counts what is uploaded, and echoes messages of websockets. */
  sink: { port: number; pid: number };
}

export async function startOrigins(scope: Cleanup): Promise<Origins> {
  const folder = temporaryFolder(scope);
  const files = `${folder}/files`;
  mkdirSync(files);
  writeFileSync(`${files}/100kB`, Buffer.alloc(100_000, 'a'));
  const large = openSync(`${files}/100MB`, 'w');
  ftruncateSync(large, transferBytes);
  closeSync(large);
  const port = await freePort();
  const nginx = await startNginx(scope, folder, [
    `server { listen 127.0.0.1:${port}; keepalive_requests 100000000; root ${files};
       sendfile on; open_file_cache max=10; open_file_cache_valid 1h;
       location = / { return 200 "${'a'.repeat(100)}"; } }`,
  ]);
  const sink = new Program(fileURLToPath(new URL('programs/sink.mjs', import.meta.url)), []);
  scope.after(() => sink.stop());
  const sinkPort = await sink.line((line) => Number(line));
  return { web: { port, pid: nginx.pid ?? 0 }, sink: { port: sinkPort, pid: sink.process.pid ?? 0 } };
}
