import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Certificates } from './certificate.ts';
import { deployed } from './deployed.ts';
import { startNginx } from './nginx.ts';
import type { Cleanup } from './processes.ts';

interface Options {
  /** A folder of its own. */
  folder: string;
  certificates: Certificates;
  httpPort: number;
  httpsPort: number;
  hubPort: number;
  /** Of more hubs that share its Redis; for nginx. */
  otherPorts?: number[];
}

/** A web server in front of a hub, with the configuration from deploy/. */
export interface WebServer {
  name: string;
  isHere: boolean;
  start(t: Cleanup, options: Options): Promise<void>;
}

/** What a machine's own configuration may be content with, until that of deploy/ says otherwise. */
export const strictBodyBytes = 1_000;

/** Agents dial localhost, which they can resolve; tunnels are below a name of which a wildcard may be. */
const names = { '*.tunnel.example.com': '*.tunnel.test', 'tunnel.example.com': 'localhost' };

export const nginx: WebServer = {
  name: 'nginx',
  // Without it this would be tested with nothing, so its absence is a failure.
  isHere: true,
  async start(t, { folder, certificates, httpPort, httpsPort, hubPort, otherPorts = [] }) {
    const server = (port: number): string => `server 127.0.0.1:${port} max_fails=0;`;
    const site = deployed('nginx/adit.conf', {
      [server(6519)]: [hubPort, ...otherPorts].map(server).join('\n'),
      'listen [::]:80;': '',
      'listen [::]:443 ssl http2;': '',
      'listen 80;': `listen 127.0.0.1:${httpPort};`,
      'listen 443 ': `listen 127.0.0.1:${httpsPort} `,
      '127.0.0.1:6519': `127.0.0.1:${hubPort}`,
      '/etc/letsencrypt/live/tunnel.example.com/fullchain.pem': certificates.certPath,
      '/etc/letsencrypt/live/tunnel.example.com/privkey.pem': certificates.keyPath,
      ...names,
    });
    await startNginx(t, folder, [`client_max_body_size ${strictBodyBytes};`, site]);
  },
};

export const caddy: WebServer = {
  name: 'Caddy',
  isHere: spawnSync('caddy', ['version'], { stdio: 'ignore' }).error === undefined,
  async start(t, { folder, certificates, httpPort, httpsPort, hubPort }) {
    const site = deployed('caddy/Caddyfile', {
      '127.0.0.1:6519': `127.0.0.1:${hubPort}`,
      '/etc/caddy/tls/fullchain.pem': certificates.certPath,
      '/etc/caddy/tls/privkey.pem': certificates.keyPath,
      ...names,
    });
    const options = `{
      admin off
      default_bind 127.0.0.1
      http_port ${httpPort}
      https_port ${httpsPort}
    }`;
    writeFileSync(join(folder, 'Caddyfile'), `${options}\n${site}`);
    const child = spawn('caddy', ['run', '--config', join(folder, 'Caddyfile')], {
      env: { ...process.env, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = once(child, 'exit');
    t.after(async () => {
      child.kill('SIGTERM');
      await exited;
    });
    let said = '';
    for await (const line of createInterface({ input: child.stderr })) {
      said += `${line}\n`;
      if (line.includes('serving initial configuration')) break;
    }
    assert.ok(child.exitCode === null, `Caddy ended: ${said}`);
  },
};
