// Holds the code against the rules of who may import whom. See README.md, "The house".
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import { root } from '../cmd/prepare.mjs';

const layer = (from, allowed) => ({
  name: `${from} imports only ${allowed.join(', ') || 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^${from}/` },
  to: { path: '^(cmd|internal|messages)/', pathNot: [`^${from}/`, ...allowed.map((path) => `^${path}/`)] },
});

const only = (module, where) => ({
  name: `${module} is used only in ${where}`,
  severity: 'error',
  from: { path: '^(cmd|internal|messages)/', pathNot: where },
  to: { path: `^node_modules/${module}/` },
});

const below = ['messages', 'internal/core', 'internal/http1', 'internal/bus'];
const forbidden = [
  layer('messages', []),
  layer('internal/core', ['messages']),
  layer('internal/http1', ['messages', 'internal/core']),
  layer('internal/bus', ['messages', 'internal/core']),
  layer('internal/link', below),
  layer('internal/hub', [...below, 'internal/link']),
  layer('internal/agent', [...below, 'internal/link']),
  only('ioredis', '^internal/core/ioredis\\.ts$'),
  only('ws', '^internal/(link/|hub/subscribe|agent/dial)'),
  only('express', '^internal/hub/admin/'),
  only('commander', '^cmd/'),
  { name: 'no import cycles', severity: 'error', from: {}, to: { circular: true } },
  {
    name: 'the product does not import its tests',
    severity: 'error',
    from: { path: '^(cmd|internal|messages)/' },
    to: { path: '^test/' },
  },
];

const { output } = await cruise(['cmd', 'internal', 'messages'], {
  baseDir: root,
  ruleSet: { forbidden },
  validate: true,
  tsPreCompilationDeps: true,
  doNotFollow: { path: 'node_modules' },
  enhancedResolveOptions: {
    conditionNames: ['adit-source', 'import', 'node', 'default'],
    exportsFields: ['exports'],
    extensions: ['.ts', '.mjs', '.js'],
  },
});
const { violations, totalCruised, totalDependenciesCruised } = output.summary;
for (const { rule, from, to } of violations) console.error(`${rule.name}: ${from} → ${to}`);
// A check that looked at nothing would be green as well.
if (totalCruised < 50 || totalDependenciesCruised < 100) {
  console.error(
    `only ${totalCruised} modules and ${totalDependenciesCruised} imports were found: the check itself is broken`,
  );
  process.exit(1);
}
const foundInProcess = output.modules
  .filter(({ source }) => /^(internal|messages)\//.test(source))
  .filter(({ source }) => /\bprocess\.(env|argv|exit)\b/.test(readFileSync(join(root, source), 'utf8')))
  .map(({ source }) => `process.env, argv and exit are read only in cmd/: ${source}`);
for (const line of foundInProcess) console.error(line);
if (violations.length + foundInProcess.length > 0) process.exit(1);
console.log(`architecture: ${totalCruised} modules, ${totalDependenciesCruised} imports, no rule broken`);
