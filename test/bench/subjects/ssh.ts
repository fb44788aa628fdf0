import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cleanup, freePort, temporaryFolder } from '../../support/processes.ts';
import { findProgram, startDaemon } from '../daemon.ts';
import { wayTo } from './nginx.ts';
import type { Candidate } from './subject.ts';

/** Ports that sshd listens on for its client, with keys that nobody else ever sees. */
export const ssh: Candidate = {
  id: 'ssh',
  name: 'ssh -R',
  fields: ['ways'],
  async start(scope, { web, sink }) {
    // sshd starts itself again, so it wants its whole path.
    const sshd = findProgram('/usr/sbin/sshd', '/usr/local/sbin/sshd');
    const folder = temporaryFolder(scope);
    for (const name of ['host', 'user']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', `${folder}/${name}`]);
    }
    makeSeparationFolder(scope);
    const port = await freePort();
    const lines = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${folder}/host`,
      `AuthorizedKeysFile ${folder}/user.pub`,
      'PidFile none',
      'StrictModes no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
    ];
    writeFileSync(`${folder}/sshd_config`, `${lines.join('\n')}\n`);
    const server = startDaemon(scope, sshd, ['-D', '-e', '-f', `${folder}/sshd_config`]);
    await sleep(300);
    const ports = { web: await freePort(), sink: await freePort() };
    const options = ['BatchMode=yes', 'StrictHostKeyChecking=no', 'IdentitiesOnly=yes', 'ExitOnForwardFailure=yes'];
    const client = startDaemon(scope, 'ssh', [
      ...['-F', 'none', '-N', '-p', String(port), '-i', `${folder}/user`],
      ...[...options, `UserKnownHostsFile=${folder}/known_hosts`].flatMap((option) => ['-o', option]),
      ...['-R', `127.0.0.1:${ports.web}:127.0.0.1:${web.port}`],
      ...['-R', `127.0.0.1:${ports.sink}:127.0.0.1:${sink.port}`],
      `${userInfo().username}@127.0.0.1`,
    ]);
    return {
      web: wayTo(ports.web),
      sink: wayTo(ports.sink),
      pids: [server.pid, client.pid],
      said: () => `${server.said()}\n${client.said()}`,
    };
  },
};

/** Run by root, sshd wants an empty folder at this path, which a machine without its service does not have. */
function makeSeparationFolder(scope: Cleanup): void {
  const folder = '/run/sshd';
  if (process.getuid?.() !== 0 || existsSync(folder)) return;
  mkdirSync(folder, { mode: 0o755 });
  scope.after(() => rmdirSync(folder));
}
