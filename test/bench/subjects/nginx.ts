import { startNginx } from '../../support/nginx.ts';
import { freePort, temporaryFolder } from '../../support/processes.ts';
import type { Candidate, Way } from './subject.ts';

/** The origins themselves: what there is to lose. */
export const direct: Candidate = {
  id: 'direct',
  name: 'origin, direct',
  fields: ['ways'],
  start: async (_scope, { web, sink }) => ({ web: wayTo(web.port), sink: wayTo(sink.port), pids: [web.pid] }),
};

/** One nginx in front of the origins, which is what every ratio is of. */
export const hop: Candidate = {
  id: 'hop',
  name: 'nginx, one hop',
  fields: ['ways'],
  async start(scope, { web, sink }) {
    const ports = { web: await freePort(), sink: await freePort() };
    const nginx = await startNginx(scope, temporaryFolder(scope), [
      ...nginxSettings,
      'map $http_upgrade $connection_field { default upgrade; "" ""; }',
      hopServer('web', { listen: ports.web, origin: web.port }),
      hopServer('sink', { listen: ports.sink, origin: sink.port }),
    ]);
    return { web: wayTo(ports.web), sink: wayTo(ports.sink), pids: [nginx.pid ?? 0] };
  },
};

/** Bodies pass as they come, as in a tunnel: neither collected before they are passed on, nor written to a disk. */
export const nginxSettings = [
  'proxy_request_buffering off; client_max_body_size 0;',
  'proxy_buffering on; proxy_buffer_size 64k; proxy_buffers 16 64k; proxy_busy_buffers_size 128k;',
  'proxy_max_temp_file_size 0;',
];

function hopServer(name: string, { listen, origin }: { listen: number; origin: number }): string {
  return `upstream ${name} { server 127.0.0.1:${origin}; keepalive 128; keepalive_requests 100000000; }
    server { listen 127.0.0.1:${listen}; keepalive_requests 100000000; location / {
      proxy_pass http://${name}; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_field; } }`;
}

export function wayTo(port: number): Way {
  return { port, host: `localhost:${port}` };
}
