import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AditError, messageOf } from '#internal/core/errors';

/**
 * Reads certificates to trust (PEM) from the file that a flag names. Throws ADIT_USAGE, also for a file without any: every
 * connection would fail, with a reason that misleads.
 */
export function readCa(flag: string, path: string): Buffer {
  let pem: Buffer;
  try {
    pem = readFileSync(path);
  } catch (error) {
    throw new AditError('ADIT_USAGE', `--${flag}: cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw new AditError('ADIT_USAGE', `--${flag}: ${path} is not a certificate in PEM form: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return pem;
}
