import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AditError, messageOf } from '#internal/core/errors';
import type { Certificate } from './edge/listener.ts';

/** Reads a certificate chain and its key, both PEM. Throws ADIT_CERTIFICATE_UNUSABLE when they can't serve together. */
export async function loadCertificate(certPath: string, keyPath: string): Promise<Certificate> {
  const cert = await read(certPath);
  const key = await read(keyPath);
  const parsedCert = parse(certPath, 'certificate', () => new X509Certificate(cert));
  const parsedKey: KeyObject = parse(keyPath, 'private key', () => createPrivateKey(key));
  if (!parsedCert.checkPrivateKey(parsedKey)) {
    throw new AditError(
      'ADIT_CERTIFICATE_UNUSABLE',
      `the certificate ${certPath} does not belong to the key ${keyPath}: give the two that were made together`,
    );
  }
  return { cert, key };
}

/** Whether a certificate is good for every hostname directly below a domain. */
export function coversTunnels({ cert }: Certificate, domain: string): boolean {
  return new X509Certificate(cert).checkHost(`any.${domain}`) !== undefined;
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new AditError('ADIT_CERTIFICATE_UNUSABLE', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

function parse<T>(path: string, kind: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new AditError('ADIT_CERTIFICATE_UNUSABLE', `${path} is not a ${kind} in PEM form: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
