#!/usr/bin/env node
import type { Values } from '#internal/core/config';
import { AditError, messageOf } from '#internal/core/errors';
import { createLog, type Log, logLines } from '#internal/core/log';
import type { RedisOptions } from '#internal/core/redis-url';
import { coversTunnels, loadCertificate } from '#internal/hub/certificate';
import { Hub } from '#internal/hub/hub';
import { loadAllowedKeys } from '#internal/hub/registration/allowed-keys';
import { exitCodeOf, readInvocation } from '../command-line.ts';
import { readCa } from '../read-ca.ts';
import { serverSettings } from './settings.ts';

type ServerValues = Values<ReturnType<typeof serverSettings>>;

const examples = `
Examples:
  adit-server                                       try it on this machine
  adit-server --domain tunnel.example.com --listen :443 \\
    --tls-cert fullchain.pem --tls-key privkey.pem  serve https://<id>.tunnel.example.com`;

async function main(): Promise<void> {
  const { values } = readInvocation({
    name: 'adit-server',
    description: 'The hub of Adit: publishes what its agents register at hostnames below one domain.',
    settings: serverSettings(process.env),
    examples,
  });
  const log = createLog(
    { level: values.logLevel, format: values.logFormat ?? (process.stdout.isTTY ? 'text' : 'json') },
    logLines(process.stdout.fd),
  );
  const files = await readFiles(values);
  const hub = new Hub({ ...values, ...files, redis: redisOf(values) }, { log });
  closeOnSignals(hub, log);
  reloadOnHangup(hub, values, log);
  const { port, metricsPort, bases } = await hub.start();
  log.info('hub is listening', {
    port,
    base: bases.primary,
    domain: values.domain,
    ...(metricsPort && { metricsPort }),
  });
  if (!values.allowKeys && !bases.isLoopback) {
    log.warn('every key may register on this hub: name the ones that may with --allow-keys');
  }
  if (files.certificate && values.domain !== '' && !coversTunnels(files.certificate, values.domain)) {
    log.warn(`the certificate is not good for *.${values.domain}: browsers will refuse the tunnels`);
  }
}

/** Where Redis is, with the certificates to know it by. */
function redisOf({ redis, redisCa }: ServerValues): RedisOptions | undefined {
  if (redisCa === undefined) return redis;
  if (!redis?.isTls) throw new AditError('ADIT_USAGE', '--redis-ca goes with a --redis that begins with rediss');
  return { ...redis, ca: readCa('redis-ca', redisCa) };
}

async function readFiles({ tlsCert, tlsKey, allowKeys }: ServerValues) {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new AditError('ADIT_USAGE', '--tls-cert and --tls-key go together: give both or none');
  }
  return {
    certificate: tlsCert !== undefined && tlsKey !== undefined ? await loadCertificate(tlsCert, tlsKey) : undefined,
    allowedKeys: allowKeys === undefined ? undefined : await loadAllowedKeys(allowKeys),
  };
}

function closeOnSignals(hub: Hub, log: Log): void {
  let isClosing = false;
  const close = (signal: string): void => {
    if (isClosing) process.exit(0);
    isClosing = true;
    log.info(`${signal}: finishing what is under way; another signal ends at once`);
    hub.close().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.on('SIGTERM', close);
  process.on('SIGINT', close);
}

function reloadOnHangup(hub: Hub, values: ServerValues, log: Log): void {
  process.on('SIGHUP', () => {
    readFiles(values)
      .then((files) => {
        hub.reload(files);
        log.info('certificate and allowed keys were read again');
      })
      .catch((error: unknown) =>
        log.error('nothing was reloaded, the old files stay in use', { error: messageOf(error) }),
      );
  });
}

function fail(thrown: unknown): never {
  process.stderr.write(`adit-server: ${messageOf(thrown)}\n`);
  process.exit(exitCodeOf(thrown));
}

main().catch(fail);
