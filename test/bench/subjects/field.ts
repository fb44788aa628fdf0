import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, temporaryFolder } from '../../support/processes.ts';
import { findProgram, startDaemon } from '../daemon.ts';
import { wayTo } from './nginx.ts';
import type { Candidate } from './subject.ts';

interface Plan {
  folder: string;
  /** Where the tunnel's own two ends meet. */
  control: number;
  /** Where visitors come to, and what they shall reach. */
  ways: { name: string; port: number; origin: number }[];
}

interface Commands {
  server: string[];
  /** One or more clients; only the first is on the way to the web origin. */
  clients: string[][];
}

/** A tunnel that maps ports to ports, by the commands that run its two ends. */
function portTunnel(id: string, programs: string[], commands: (plan: Plan) => Commands | Promise<Commands>): Candidate {
  return {
    id,
    name: id,
    fields: ['ways'],
    async start(scope, { web, sink }) {
      const [serverProgram = '', clientProgram = serverProgram] = programs.map((program) => findProgram(program));
      const ports = { web: await freePort(), sink: await freePort() };
      const ways = [
        { name: 'web', port: ports.web, origin: web.port },
        { name: 'sink', port: ports.sink, origin: sink.port },
      ];
      const plan = { folder: temporaryFolder(scope), control: await freePort(), ways };
      const { server, clients } = await commands(plan);
      const serving = startDaemon(scope, serverProgram, server);
      await sleep(500);
      const dialling = clients.map((args) => startDaemon(scope, clientProgram, args));
      return {
        web: wayTo(ports.web),
        sink: wayTo(ports.sink),
        pids: [serving, ...dialling.slice(0, 1)].map(({ pid }) => pid),
        said: () => [serving, ...dialling].map((daemon) => daemon.said()).join('\n'),
      };
    },
  };
}

const frp = portTunnel('frp', ['frps', 'frpc'], ({ folder, control, ways }) => {
  const proxies = ways.map(
    ({ name, port, origin }) =>
      `[[proxies]]\nname = "${name}"\ntype = "tcp"\nlocalIP = "127.0.0.1"\nlocalPort = ${origin}\nremotePort = ${port}`,
  );
  writeFileSync(`${folder}/frps.toml`, `bindAddr = "127.0.0.1"\nproxyBindAddr = "127.0.0.1"\nbindPort = ${control}\n`);
  writeFileSync(`${folder}/frpc.toml`, `serverAddr = "127.0.0.1"\nserverPort = ${control}\n${proxies.join('\n')}\n`);
  return { server: ['-c', `${folder}/frps.toml`], clients: [['-c', `${folder}/frpc.toml`]] };
});

const chisel = portTunnel('chisel', ['chisel'], ({ control, ways }) => {
  const remotes = ways.map(({ port, origin }) => `R:127.0.0.1:${port}:127.0.0.1:${origin}`);
  return {
    server: ['server', '--host', '127.0.0.1', '--port', String(control), '--reverse'],
    clients: [['client', `127.0.0.1:${control}`, ...remotes]],
  };
});

const rathole = portTunnel('rathole', ['rathole'], ({ folder, control, ways }) => {
  const end = (section: string, own: string, service: (way: Plan['ways'][number]) => string): string =>
    [
      `[${section}]\n${own} = "127.0.0.1:${control}"\ndefault_token = "bench"`,
      ...ways.map((way) => `[${section}.services.${way.name}]\n${service(way)}`),
    ].join('\n');
  writeFileSync(
    `${folder}/server.toml`,
    end('server', 'bind_addr', ({ port }) => `bind_addr = "127.0.0.1:${port}"`),
  );
  writeFileSync(
    `${folder}/client.toml`,
    end('client', 'remote_addr', ({ origin }) => `local_addr = "127.0.0.1:${origin}"`),
  );
  return { server: ['--server', `${folder}/server.toml`], clients: [['--client', `${folder}/client.toml`]] };
});

/** Its two ends meet at a port that cannot be chosen. */
const bore = portTunnel('bore', ['bore'], ({ ways }) => ({
  server: ['server', '--bind-addr', '127.0.0.1', '--bind-tunnels', '127.0.0.1'],
  clients: ways.map(({ port, origin }) => ['local', String(origin), '--to', '127.0.0.1', '--port', String(port)]),
}));

/** Routes by host, so both origins are behind one port. */
const piko: Candidate = {
  id: 'piko',
  name: 'piko',
  fields: ['ways'],
  async start(scope, { web, sink }) {
    const program = findProgram('piko');
    const [proxy, upstream, admin, gossip] = [await freePort(), await freePort(), await freePort(), await freePort()];
    const listen = (flag: string, port: number | undefined): string[] => [`--${flag}.bind-addr`, `127.0.0.1:${port}`];
    const server = startDaemon(scope, program, [
      'server',
      ...listen('proxy', proxy),
      ...listen('upstream', upstream),
      ...listen('admin', admin),
      ...listen('cluster.gossip', gossip),
    ]);
    await sleep(500);
    const dial = async (name: string, origin: number) => {
      const own = listen('server', await freePort());
      const connect = ['--connect.url', `http://127.0.0.1:${upstream}`];
      return startDaemon(scope, program, ['agent', 'http', name, `127.0.0.1:${origin}`, ...connect, ...own]);
    };
    const agents = [await dial('web', web.port), await dial('sink', sink.port)];
    return {
      web: { port: proxy, host: 'web.localhost' },
      sink: { port: proxy, host: 'sink.localhost' },
      pids: [server, ...agents.slice(0, 1)].map(({ pid }) => pid),
      said: () => [server, ...agents].map((daemon) => daemon.said()).join('\n'),
    };
  },
};

/** Other tunnels, measured where their programs are installed. */
export const field: Candidate[] = [frp, chisel, rathole, bore, piko];
