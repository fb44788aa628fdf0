import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where Debian and its like keep what fakes the time of a program. */
const libraries = '/usr/lib';

function findLibrary(): string | undefined {
  try {
    const paths = readdirSync(libraries).map((folder) => join(libraries, folder, 'faketime'));
    return paths.filter((folder) => hasLibrary(folder)).map((folder) => join(folder, 'libfaketime.so.1'))[0];
  } catch {
    return undefined;
  }
}

function hasLibrary(folder: string): boolean {
  try {
    return readdirSync(folder).includes('libfaketime.so.1');
  } catch {
    return false;
  }
}

const library = findLibrary();

/** Why no clock can be put wrong here, or false. */
export const withoutFakeTime =
  library === undefined && 'libfaketime is not installed (Debian: apt-get install faketime)';

/**
 * Variables by which a program reads another wall clock: shifted as a text like `+1h` says, or as the text says that
 * lies in a file at the time.
 */
export function skewedClock(shift: { by: string } | { file: string }): Record<string, string> {
  const how = 'by' in shift ? { FAKETIME: shift.by } : { FAKETIME_TIMESTAMP_FILE: shift.file, FAKETIME_NO_CACHE: '1' };
  return { LD_PRELOAD: library ?? '', FAKETIME_DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1', ...how };
}
