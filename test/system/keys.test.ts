import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import { runToEnd, spawnAgent, startAgent, startHub, temporaryFolder } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const folder = temporaryFolder({ after });
const home = { HOME: folder, XDG_RUNTIME_DIR: folder };
const origin = await startOrigin({ after });

function keyFile(name: string, content: string | KeyObject, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : content.export({ type: 'pkcs8', format: 'pem' }));
  chmodSync(path, mode);
  return path;
}

const ec = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;
const rsa = (modulusLength: number): KeyObject => generateKeyPairSync('rsa', { modulusLength }).privateKey;
const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const;

const unusable: [what: string, reason: RegExp, path: string][] = [
  ['others can read', /chmod 600/, keyFile('open.pem', ec('prime256v1'), 0o644)],
  ['holds no key', /not a private key/, keyFile('text.pem', 'hello\n')],
  ['is empty', /not a private key/, keyFile('empty.pem', '')],
  ['has a passphrase', /passphrase/, keyFile('locked.pem', ec('prime256v1').export(locked) as string)],
  ['is RSA of 1024 bit', /cannot sign/, keyFile('short.pem', rsa(1_024))],
  ['is of another curve', /cannot sign/, keyFile('curve.pem', ec('secp256k1'))],
];

for (const [what, reason, path] of unusable) {
  test(`a key file that ${what} ends an agent with 2 and stays as it was`, async () => {
    const before = [readFileSync(path, 'utf8'), statSync(path).mode, statSync(path).mtimeMs];
    for (const command of ['id', '3000']) {
      const { code, stderr } = await runToEnd('adit', ['--key', path, command], home);
      assert.equal(code, 2);
      assert.match(stderr, reason);
      assert.ok(stderr.includes(path), stderr);
    }
    assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).mode, statSync(path).mtimeMs], before);
  });
}

test('a key that cannot be written ends an agent with 2', async () => {
  const inTheWay = keyFile('file', '');
  mkdirSync(join(folder, 'folder'));
  for (const path of [join(inTheWay, 'key.pem'), join(folder, 'folder')]) {
    const { code, stderr } = await runToEnd('adit', ['--key', path, 'id'], home);
    assert.equal(code, 2, stderr);
    assert.ok(stderr.includes(path), stderr);
  }
});

test('adit id prints what the hostname will be, for every kind of key', async (t) => {
  const hub = await startHub(t);
  const kinds: [string, KeyObject][] = [
    ['p256', ec('prime256v1')],
    ['p384', ec('secp384r1')],
    ['p521', ec('secp521r1')],
    ['ed25519', generateKeyPairSync('ed25519').privateKey],
    ['rsa', rsa(2_048)],
  ];
  for (const [name, key] of kinds) {
    const path = keyFile(`${name}.pem`, key);
    const { code, stdout } = await runToEnd('adit', ['--key', path, 'id'], home);
    assert.equal(code, 0);
    const agent = await startAgent(t, ['--hub', hub.url, '--key', path, String(origin.port)]);
    assert.equal(agent.hostname, `${stdout}.localhost`);
    assert.equal((await visit({ port: hub.port, host: agent.hostname })).status, 200);
  }
});

test('--allow-keys lets only the listed keys register, and is read again on SIGHUP', async (t) => {
  const ids: string[] = [];
  for (const name of ['first', 'second']) {
    const { stdout } = await runToEnd('adit', ['--key', join(folder, `${name}.pem`), 'id'], home);
    ids.push(stdout);
  }
  const [first = '', second = ''] = ids;
  const list = join(folder, 'allowed.txt');
  writeFileSync(list, `# ours\n${first} # the first\n\n`);
  const hub = await startHub(t, ['--allow-keys', list]);
  const args = (name: string): string[] => [
    '--hub',
    hub.url,
    '--key',
    join(folder, `${name}.pem`),
    String(origin.port),
  ];
  const agent = await startAgent(t, args('first'));
  const refused = spawnAgent(t, args('second'));
  assert.equal((await refused.exited).code, 4);
  assert.match(refused.stderr, new RegExp(`key ${second} is not allowed on this hub`));

  writeFileSync(list, `${first}\nnonsense\n`);
  hub.program.signal('SIGHUP');
  await hub.program.line((line) => /line 2.*nothing was reloaded/.exec(line)?.[0]);
  assert.equal((await spawnAgent(t, args('second')).exited).code, 4);

  writeFileSync(list, `${first}\n${second}\n`);
  hub.program.signal('SIGHUP');
  await hub.program.line((line) => /read again/.exec(line)?.[0]);
  const allowed = await startAgent(t, args('second'));
  for (const { hostname } of [agent, allowed]) {
    assert.equal((await visit({ port: hub.port, host: hostname })).status, 200);
  }
});
