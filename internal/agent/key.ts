import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { chmod, constants, copyFile, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { exportJWK, type JWK } from 'jose';
import { AditError, messageOf } from '#internal/core/errors';
import { clientIdOfKey } from '#messages/client-id';

/** An agent's identity: the key that its hostname is made of. */
export interface AgentKey {
  privateKey: KeyObject;
  publicJwk: JWK;
  /** The JWS algorithm that the key signs with. */
  algorithm: string;
  clientId: string;
}

/**
 * Reads the private key from a PEM file, and creates the file (P-256, mode 0600) when there is none. Throws
 * ADIT_KEY_UNUSABLE; a file that exists is never changed.
 */
export async function loadKey(path: string): Promise<AgentKey> {
  const pem = (await readKeyFile(path)) ?? (await createKeyFile(path));
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch (error) {
    throw unusable(path, 'is not a private key in PEM form without a passphrase', error);
  }
  const algorithm = algorithmOf(privateKey);
  if (!algorithm) {
    throw unusable(
      path,
      `holds a key that cannot sign registrations; use P-256, P-384, P-521, Ed25519 or RSA ≥ 2048 bit`,
    );
  }
  const publicJwk = await exportJWK(createPublicKey(privateKey));
  return { privateKey, publicJwk, algorithm, clientId: clientIdOfKey(publicJwk) };
}

async function readKeyFile(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw unusable(path, 'is not a file but a folder');
    // Windows has other means to protect a file, and no such bits.
    if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
      throw unusable(path, `can be read or changed by others: run chmod 600 ${path}`);
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error instanceof AditError ? error : unusable(path, `cannot be read: ${messageOf(error)}`, error);
  }
}

async function createKeyFile(path: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // SEC1 is what the original writes and reads.
  const pem = privateKey.export({ type: 'sec1', format: 'pem' }) as string;
  const draft = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(draft, pem, { mode: 0o600, flag: 'wx' });
    await chmod(draft, 0o600);
    await publish(draft, path);
  } catch (error) {
    // Another agent that started at the same moment was first: its key is the one.
    const other = (error as NodeJS.ErrnoException).code === 'EEXIST' ? await readKeyFile(path) : undefined;
    if (other) return other;
    throw unusable(path, `cannot be written: ${messageOf(error)}; name another file with --key`, error);
  } finally {
    await rm(draft, { force: true }).catch(() => undefined);
  }
  return pem;
}

/** Gives a file its name, whole or not at all: another agent may look for it at this moment. Fails when it is taken. */
async function publish(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    // Not every file system has links.
    await copyFile(draft, path, constants.COPYFILE_EXCL);
  }
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  switch (asymmetricKeyType) {
    case 'ec':
      return { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }[asymmetricKeyDetails?.namedCurve ?? ''];
    case 'ed25519':
      return 'EdDSA';
    case 'rsa':
      return (asymmetricKeyDetails?.modulusLength ?? 0) >= 2_048 ? 'RS256' : undefined;
    default:
      return undefined;
  }
}

function unusable(path: string, why: string, cause?: unknown): AditError {
  return new AditError('ADIT_KEY_UNUSABLE', `the key file ${path} ${why}`, { cause });
}
