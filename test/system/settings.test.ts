import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Program, runToEnd, startHub, temporaryFolder } from '../support/processes.ts';

const folder = temporaryFolder({ after });

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

test('a hub takes a flag before the environment, that before the config file, and that before its default', async (t) => {
  const config = ['--config', file('hub.json', '{"domain": "file.test", "log-format": "json"}')];
  const cases: [domain: string, args: string[], env: Record<string, string>][] = [
    ['localhost', [], {}],
    ['file.test', config, {}],
    ['env.test', config, { DOMAIN: 'env.test' }],
    ['flag.test', [...config, '--domain', 'flag.test'], { DOMAIN: 'env.test' }],
  ];
  for (const [expected, args, env] of cases) {
    const { program } = await startHub(t, args, env);
    const line = await program.line((text) => (text.includes('hub is listening') ? text : undefined));
    assert.equal((JSON.parse(line) as { domain: string }).domain, expected);
  }
});

test('an agent takes a flag before the environment, and that before the config file', async (t) => {
  const config = ['--config', file('agent.json', '{"hub": "http://localhost:1"}')];
  const cases: [hub: string, args: string[], env: Record<string, string>][] = [
    ['http://localhost:6519', [], {}],
    ['http://localhost:1', config, {}],
    ['http://localhost:2', config, { PROXY_ENDPOINT: 'http://localhost:2' }],
    ['http://localhost:3', config, { PROXY_ENDPOINT: 'http://localhost:2', ADIT_HUB: 'http://localhost:3' }],
    ['http://localhost:4', [...config, '--hub', 'http://localhost:4'], { ADIT_HUB: 'http://localhost:3' }],
  ];
  for (const [expected, args, env] of cases) {
    const home = { HOME: folder, XDG_RUNTIME_DIR: folder };
    const program = new Program('adit', ['--json', ...args, '3000'], { ...home, ...env });
    t.after(() => program.stop());
    const told = await program.line((line) => /"event":"connecting","hub":"([^"]*)"/.exec(line)?.[1]);
    assert.equal(told, expected);
    await program.stop();
  }
});

type Refusal = [names: RegExp, args: string[], env?: Record<string, string>];

const hubRefusals: Refusal[] = [
  [/--nonsense/, ['--nonsense']],
  [/"word" is not a setting/, ['word']],
  [/--listen.*"x"/, ['--listen', 'x']],
  [/--listen.*70000/, ['--listen', ':70000']],
  [/--timeout.*"soon"/, ['--timeout', 'soon']],
  [/--timeout.*"0s"/, ['--timeout', '0s']],
  [/--rate-limit.*"5"/, ['--rate-limit', '5']],
  [/--max-body.*"-1"/, ['--max-body', '-1']],
  [/--domain.*"https:/, ['--domain', 'https://tunnel.test']],
  [/--base.*"ftp:/, ['--base', 'ftp://hub.test']],
  [/--base.*path/, ['--base', 'https://hub.test/path']],
  [/--path-routing.*"maybe".*auto, on, off/, ['--path-routing', 'maybe']],
  [/--trusted-proxies.*"nonsense"/, ['--trusted-proxies', '10.0.0.0/8,nonsense']],
  [/--tls-key/, ['--tls-cert', 'cert.pem']],
  [/--allow-keys.*missing\.txt/, ['--allow-keys', join(folder, 'missing.txt')]],
  [/--allow-keys.*line 2/, ['--allow-keys', file('keys.txt', '# mine\nnonsense\n')]],
  [/LOG_LEVEL.*"loud"/, [], { LOG_LEVEL: 'loud' }],
  [/TIMEOUT.*"soon"/, [], { TIMEOUT: 'soon' }],
  [/unknown\.json.*"domian"/, ['--config', file('unknown.json', '{"domian": "x.test"}')]],
  [/broken\.json.*JSON/, ['--config', file('broken.json', '{domain: x}')]],
  [/list\.json.*object/, ['--config', file('list.json', '[]')]],
  [/value\.json.*timeout.*"soon"/, ['--config', file('value.json', '{"timeout": "soon"}')]],
  [/--config.*missing\.json/, ['--config', join(folder, 'missing.json')]],
  [/REDIS.*host/, [], { CACHE: 'redis', REDIS: 'bad:port:x' }],
  [/--redis.*redis:\/\//, ['--redis', 'nonsense://x']],
];

const agentRefusals: Refusal[] = [
  [/--nonsense/, ['--nonsense', '3000']],
  [/^.*adit:.*'--hubb' .*--hub.*--help\n?$/, ['--hubb', 'http://localhost:1', '3000']],
  [/what shall be published/, []],
  [/70000/, ['70000']],
  [/4000/, ['3000', '4000']],
  [/ftp:/, ['ftp://localhost']],
  [/path/, ['http://localhost:3000/path']],
  [/--hub.*"hub\.test"/, ['--hub', 'hub.test', '3000']],
  [/--hub.*path/, ['--hub', 'https://hub.test/path', '3000']],
  [/PROXY_ENDPOINT.*"nonsense"/, ['3000'], { PROXY_ENDPOINT: 'nonsense' }],
  [/--session.*256/, ['--session', 'x'.repeat(257), '3000']],
  [/--host-header.*"a b"/, ['--host-header', 'a b', '3000']],
  [/--hub-ca.*missing\.pem/, ['--hub-ca', join(folder, 'missing.pem'), '3000']],
  [/unknown\.json.*"domian"/, ['--config', join(folder, 'unknown.json'), '3000']],
];

for (const [script, refusals] of [['adit-server', hubRefusals] as const, ['adit', agentRefusals] as const]) {
  describe(script, { concurrency: 3 }, () => {
    for (const [names, args, env = {}] of refusals) {
      test(`ends with 2 and names what is wrong: ${names.source}`, async () => {
        const home = { HOME: folder, XDG_RUNTIME_DIR: folder };
        const { code, stderr } = await runToEnd(script, args, { ...home, ...env });
        assert.equal(code, 2, stderr);
        assert.match(stderr, names);
        assert.doesNotMatch(stderr, /^\s+at /m);
      });
    }

    test('tells its version and its settings', async () => {
      const told = await runToEnd(script, ['--version']);
      assert.deepEqual([told.code, told.stderr], [0, '']);
      assert.match(told.stdout, new RegExp(`^${script}/\\d+\\.\\d+\\.\\d+$`));
      const help = await runToEnd(script, ['--help']);
      assert.deepEqual([help.code, help.stderr], [0, '']);
      assert.match(help.stdout, /--config <file>/);
    });
  });
}

test('a hub whose port is taken ends with 1 and names it', async (t) => {
  const { port } = await startHub(t);
  const { code, stderr } = await runToEnd('adit-server', ['--listen', `127.0.0.1:${port}`]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port}.*another program uses this port`));
});
