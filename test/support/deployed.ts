import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A file of deploy/ with some of its text replaced. Throws when something to replace is not there. */
export function deployed(path: string, replacements: Record<string, string> = {}): string {
  let text = readFileSync(fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url)), 'utf8');
  for (const [from, to] of Object.entries(replacements)) {
    if (!text.includes(from)) throw new Error(`deploy/${path} has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  return text;
}
