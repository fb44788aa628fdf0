import { readFile } from 'node:fs/promises';
import { AditError, messageOf } from '#internal/core/errors';
import { isClientId } from '#messages/client-id';

/** Reads a list of client ids, one a line; `#` begins a comment. Throws ADIT_USAGE that names the wrong line. */
export async function loadAllowedKeys(path: string): Promise<ReadonlySet<string>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new AditError('ADIT_USAGE', `--allow-keys: cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  const ids = text.split(/\r?\n/).map((line) => line.replace(/#.*/, '').trim());
  const wrong = ids.findIndex((id) => id !== '' && !isClientId(id));
  if (wrong !== -1) {
    throw new AditError(
      'ADIT_USAGE',
      `--allow-keys: ${path} line ${wrong + 1} is not a client id; "adit id" prints one`,
    );
  }
  return new Set(ids.filter((id) => id !== ''));
}
