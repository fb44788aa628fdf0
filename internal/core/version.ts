import { createRequire } from 'node:module';

// By the package's own name the manifest is found from the sources and from the built code alike.
const manifest = createRequire(import.meta.url)('adit/package.json') as { version: string };

/** This package's version. */
export const version: string = manifest.version;
