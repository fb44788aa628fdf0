import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

/** Why there can be no network of one's own here that has these tools, or false. */
export function withoutOwnNetwork(tools: readonly string[] = []): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return 'networks of their own are made by root on Linux only';
  }
  const missing = ['unshare', 'ip', ...tools].find((tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error);
  return missing !== undefined && `${missing} is missing`;
}

/** In a network of its own of which the environment says that it may be changed. */
export const isOwnNetwork = process.env['ADIT_TEST_NETWORK'] === 'own';

/** Runs a test file in a network of its own, that nobody else notices. Gives its exit code and what it said. */
export function runInOwnNetwork(file: string): { code: number | null; said: string } {
  const node = [process.execPath, '--conditions=adit-source', '--import', 'tsx', file];
  const script = 'ip link set lo up && exec "$@"';
  // A test inside a test would report to the outer one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync('unshare', ['--net', 'sh', '-c', script, 'sh', ...node], {
    env: { ...env, ADIT_TEST_NETWORK: 'own' },
    encoding: 'utf8',
  });
  return { code: status, said: `${stdout}${stderr}` };
}

/** Loses that part of the packets to and from a port. Only in a network of one's own. */
export function losePackets(port: number, part: number): void {
  checkOwn();
  for (const side of ['--dport', '--sport']) {
    const match = ['-A', 'INPUT', '-p', 'tcp', side, String(port), '-m', 'statistic', '--mode', 'random'];
    const { status, stderr } = spawnSync('iptables', [...match, '--probability', String(part), '-j', 'DROP'], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`iptables: ${stderr}`);
  }
}

/** What a socket takes in bytes that nobody reads, from now on. Only in a network of one's own. */
export function limitSendBuffers(byteCount: number): void {
  checkOwn();
  writeFileSync('/proc/sys/net/ipv4/tcp_wmem', `4096 16384 ${byteCount}`);
}

function checkOwn(): void {
  if (!isOwnNetwork) throw new Error('this network is not ours');
}
