import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Cleanup } from './processes.ts';

/** Starts nginx with blocks of its `http` context, and waits until it listens. */
export async function startNginx(t: Cleanup, folder: string, blocks: string[]): Promise<{ pid: number | undefined }> {
  mkdirSync(folder, { recursive: true });
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const config = `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr notice;
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    events { worker_connections 4096; }
    http { access_log off; ${paths.join(' ')} ${blocks.join('\n')} }`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  const program = existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx';
  const nginx = spawn(program, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.after(async () => {
    if (nginx.exitCode !== null) return;
    nginx.kill('SIGTERM');
    await once(nginx, 'close');
  });
  let said = '';
  let isReady = false;
  for await (const line of createInterface({ input: nginx.stderr })) {
    said += `${line}\n`;
    // Its sockets listen before it starts the processes that serve them.
    isReady = line.includes('start worker process');
    if (isReady) break;
  }
  if (!isReady) throw new Error(`nginx did not start:\n${said}`);
  nginx.stderr.resume();
  return { pid: nginx.pid };
}
