// What `npm start` runs: a hub and an agent on this machine that publish a sample page, or a service of yours. Plain
// JavaScript without dependencies, since it is what installs them.
import { createInterface } from 'node:readline';
import { ensureBuilt, ensureInstalled } from '../prepare.mjs';
import { readArguments } from './arguments.mjs';
import { childEnvironment } from './child-environment.mjs';
import { accepting, freePort } from './port.mjs';
import { Program } from './program.mjs';
import { servedSample } from './sample.mjs';

/** The port of the hub, unless it is taken. */
const usualPort = 6519;
const isColourful = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (colour, text) => (isColourful ? `\x1b[${colour}m${text}\x1b[0m` : text);
const bold = (text) => paint(1, text);
const dim = (text) => paint(2, text);
const green = (text) => paint(32, text);
const yellow = (text) => paint(33, text);

const programs = [];
let isStopping = false;
let isAnnounced = false;

const { isDev, service } = readArguments(process.argv.slice(2));
ensureInstalled();
if (!isDev) ensureBuilt();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0));
// Whatever ends this process, it leaves nothing behind.
process.on('exit', () => {
  for (const program of programs) program.kill();
});

const origin = service ?? (await servedSample());
const port = await freePort(usualPort);
const env = childEnvironment(process.env);
// It is your own machine: nothing needs to be protected from you.
const hubFlags = [
  '--listen',
  `127.0.0.1:${port}`,
  '--max-body',
  'unlimited',
  '--rate-limit',
  'off',
  '--log-level',
  'warn',
];
launch('hub', { args: [...script('adit-server'), ...hubFlags], env, stdout: 'inherit' });
await accepting(port);
const agentFlags = ['--json', '--hub', `http://localhost:${port}`, origin];
const agent = launch('agent', { args: [...script('adit'), ...agentFlags], env, stdout: 'pipe' });
createInterface({ input: agent.stdout }).on('line', showLine);

function script(name) {
  if (!isDev) return [`dist/cmd/${name}/main.js`];
  const watching = ['--watch', '--watch-preserve-output'];
  return [...watching, '--conditions=adit-source', '--import', 'tsx', `cmd/${name}/main.ts`];
}

function launch(name, options) {
  const program = new Program(options);
  programs.unshift(program);
  void program.exited.then((how) => {
    if (isStopping) return;
    console.error(`The ${name} ended unexpectedly (${how}).`);
    void stop(1);
  });
  return program;
}

/** Ends the agent, then the hub: once the agent has said goodbye the hub has nothing left to wait for. */
async function stop(exitCode) {
  if (isStopping) return;
  isStopping = true;
  for (const program of programs) await program.stop();
  if (exitCode === 0) console.log('\nStopped.');
  process.exit(exitCode);
}

/** A line of the agent: an event, or words of the watcher that restarts it. */
function showLine(line) {
  if (line.startsWith('{')) show(JSON.parse(line));
  else console.log(dim(line));
}

function show(event) {
  switch (event.event) {
    case 'online':
      if (isAnnounced) console.log(`  ${green('online')}   ${event.url}`);
      else announce(event.url);
      return;
    case 'offline':
      if (isStopping) return;
      console.log(`  ${yellow('offline')}  ${event.reason}; next attempt in ${(event.retryInMs / 1_000).toFixed(1)} s`);
      return;
    case 'note':
      console.log(`  ${yellow('note')}     ${event.message}`);
      return;
    case 'error':
      // What ends the agent has a code, and the agent says it itself.
      if (event.code === undefined) console.log(`  ${yellow('error')}    ${event.message}`);
      return;
  }
}

function announce(url) {
  isAnnounced = true;
  const what = service === undefined ? 'a sample page' : /^\d+$/.test(service) ? `port ${service}` : service;
  const next = service === undefined ? `\n  ${dim('Publish your own with')} npm start -- 3000${dim(',')}` : '';
  console.log(`
  ${green('●')} Adit publishes ${bold(what)} at

  ${bold(url)}
${next}
  ${dim('Stop with')} Ctrl-C${dim('.')}
`);
}
