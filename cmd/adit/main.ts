#!/usr/bin/env node
import { rename, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { getProxyForUrl } from 'proxy-from-env';
import { Agent, type AgentEvent } from '#internal/agent/agent';
import { claimSession } from '#internal/agent/claim-session';
import { loadKey } from '#internal/agent/key';
import { type OriginAddress, parseOrigin } from '#internal/agent/origin-address';
import type { Values } from '#internal/core/config';
import { AditError, messageOf } from '#internal/core/errors';
import { clientIdOfSession } from '#messages/client-id';
import { exitCodeOf, readInvocation } from '../command-line.ts';
import { readCa } from '../read-ca.ts';
import { jsonPrinter, type Printer, textPrinter } from './printer.ts';
import { agentSettings, originFromEnvironment } from './settings.ts';

type AgentValues = Values<typeof agentSettings>;

const usage = '[options] [http] <port|url|unix:path>  or  adit [options] id';
const examples = `
Examples:
  adit 3000                                 publish port 3000 through a hub on this machine
  adit --hub https://hub.example.com 3000   publish it through yours
  adit unix:/run/app.sock                   publish what listens on a local socket
  adit id                                   print the client id of your key, or of its --session`;

let printer: Printer = textPrinter(process.stdout, process.stderr);

/** A tunnel outlives whoever reads what is said of it, and a disk that is full. */
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

async function main(): Promise<void> {
  const { words, values } = readInvocation({
    name: 'adit',
    description: 'Publishes a private service at a stable public hostname, without opening a port.',
    words: usage,
    settings: agentSettings,
    examples,
  });
  if (values.json) printer = jsonPrinter(process.stdout, process.stderr);
  if (words.length === 1 && words[0] === 'id') await printId(values);
  else await publish(originOf(words), values);
}

async function printId({ key, session = '' }: AgentValues): Promise<void> {
  const { clientId } = await loadKey(key);
  process.stdout.write(`${clientIdOfSession(clientId, session)}\n`);
}

/** `http` may stand before the service, as hands know it from elsewhere. */
function originOf(words: string[]): OriginAddress {
  const [service, ...more] = words[0] === 'http' ? words.slice(1) : words;
  if (more.length > 0) throw new AditError('ADIT_USAGE', `one service at a time, not also "${more.join(' ')}"`);
  const origin = service === undefined ? originFromEnvironment(process.env) : parseOrigin(service);
  if (!origin) throw new AditError('ADIT_USAGE', 'what shall be published? Name a port or a URL: adit 3000');
  return origin;
}

async function publish(origin: OriginAddress, values: AgentValues): Promise<void> {
  const { hub, hostHeader, state, wire } = values;
  const hubCa = values.hubCa === undefined ? undefined : readCa('hub-ca', values.hubCa);
  const originCa = values.originCa === undefined ? undefined : readCa('origin-ca', values.originCa);
  const originTrust = { ca: originCa, isInsecure: values.insecureOrigin };
  const key = await loadKey(values.key);
  const { session, lock, gaveWayTo } = await claimSession({
    folder: runtimeFolder(),
    hub: hub.origin,
    keyId: key.clientId,
    session: values.session,
    endpoint: origin.endpoint,
    self: { pid: process.pid, origin: origin.name },
  });
  if (gaveWayTo) {
    printer.note(
      `this key is in use by pid ${gaveWayTo.pid} for ${gaveWayTo.origin}: taking session ${session} instead`,
    );
  }
  const proxy = proxyFor(hub);
  const agent = new Agent(
    { hub: { url: hub, ca: hubCa, proxy }, origin, originTrust, key, session, hostHeader, wire },
    {
      log: printer.log,
      onEvent: (event) => {
        printer.event(event, origin.name);
        if (event.event === 'online' && state !== undefined) void writeState(state, event);
      },
    },
  );
  closeOnSignals(agent, lock);
  try {
    await agent.run();
  } finally {
    lock.release();
  }
}

function closeOnSignals(agent: Agent, lock: { release(): void }): void {
  let isClosing = false;
  const close = (signal: string): void => {
    if (isClosing) {
      lock.release();
      process.exit(0);
    }
    isClosing = true;
    printer.note(`${signal}: finishing what is under way; another signal ends at once`);
    void agent.close(signal);
  };
  process.on('SIGINT', close);
  process.on('SIGTERM', close);
}

/** The proxy that the environment names for the hub. */
function proxyFor(hub: URL): string | undefined {
  const proxy = getProxyForUrl(hub.href);
  if (proxy === '') return undefined;
  if (URL.canParse(proxy) && /^https?:$/.test(new URL(proxy).protocol)) return proxy;
  throw new AditError('ADIT_USAGE', `HTTPS_PROXY: "${proxy}" is not the URL of an HTTP proxy; write http://host:port`);
}

function runtimeFolder(): string {
  const folder = process.env['XDG_RUNTIME_DIR'];
  return folder ? join(folder, 'adit') : join(tmpdir(), `adit-${userInfo().username}`);
}

/** Whole or not at all: whoever waits for the file reads it at once. */
async function writeState(path: string, { hostname }: Extract<AgentEvent, { event: 'online' }>): Promise<void> {
  try {
    await writeFile(`${path}.${process.pid}`, JSON.stringify({ hostname }));
    await rename(`${path}.${process.pid}`, path);
  } catch (error) {
    printer.log.error(`cannot write the state file ${path}: ${messageOf(error)}`);
  }
}

main().catch((thrown: unknown) => {
  printer.fatal(thrown);
  process.exitCode = exitCodeOf(thrown);
});
