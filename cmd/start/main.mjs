// What `npm start` runs: a hub and an agent on this machine that publish a sample page, or a service of yours. Plain
// JavaScript without dependencies, since it is what installs them.
import { createInterface } from 'node:readline';
import { ensureBuilt, ensureInstalled } from '../prepare.mjs';
import { readArguments } from './arguments.mjs';
import { childEnvironment } from './child-environment.mjs';
import { accepting, freePort } from './port.mjs';
import { Printer } from './printer.mjs';
import { Program } from './program.mjs';
import { servedSample } from './sample.mjs';

/** The port of the hub, unless it is taken. */
const usualPort = 6519;
/** It is your own machine: nothing needs to be protected from you. */
const openHouse = ['--max-body', 'unlimited', '--rate-limit', 'off', '--log-level', 'warn'];

/** The latest first. */
const programs = [];
let isStopping = false;

const { isDev, service } = readArguments(process.argv.slice(2));
ensureInstalled();
if (!isDev) ensureBuilt();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0));
// npm starts us through a shell, which does not pass on the signal that ends it.
const parentPid = process.ppid;
if (process.env.npm_lifecycle_event) setInterval(() => process.ppid !== parentPid && stop(0), 250);
// Whatever ends this process, it leaves nothing behind.
process.on('exit', () => {
  for (const program of programs) program.kill();
});
await publish(service ?? (await servedSample()));

async function publish(origin) {
  const port = await freePort(usualPort);
  launch('hub', [...script('adit-server'), '--listen', `127.0.0.1:${port}`, '--drain', '1s', ...openHouse], 'inherit');
  // An agent that comes too early would complain and wait.
  await accepting(port);
  const agent = launch('agent', [...script('adit'), '--json', '--hub', `http://localhost:${port}`, origin], 'pipe');
  const printer = new Printer(wordsFor(service));
  createInterface({ input: agent.stdout }).on('line', (line) => {
    if (!isStopping) printer.line(line);
  });
}

function script(name) {
  if (!isDev) return [`dist/cmd/${name}/main.js`];
  const watching = ['--watch', '--watch-preserve-output'];
  return [...watching, '--conditions=adit-source', '--import', 'tsx', `cmd/${name}/main.ts`];
}

function wordsFor(service) {
  if (service === undefined)
    return { service: 'a sample page', hint: 'Publish a service of yours with npm start -- 3000' };
  return { service: /^\d+$/.test(service) ? `port ${service}` : service, hint: '' };
}

function launch(name, args, stdout) {
  const program = new Program({ args, env: childEnvironment(process.env), stdout });
  programs.unshift(program);
  void program.exited.then((how) => {
    if (isStopping) return;
    console.error(`The ${name} ended unexpectedly (${how}).`);
    void stop(1);
  });
  return program;
}

/** Ends the agent, then the hub: once the agent has said goodbye, the hub has nothing left to wait for. */
async function stop(exitCode) {
  if (isStopping) return;
  isStopping = true;
  for (const program of programs) await program.stop();
  if (exitCode === 0) console.log('\nStopped.');
  process.exit(exitCode);
}
