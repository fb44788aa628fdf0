import { AditError, messageOf } from './errors.ts';

/** One setting of a command: where it comes from, what it may be and what it is otherwise. */
export interface Setting<T> {
  /** The flag's name without dashes; also its key in the config file. */
  flag: string;
  /** The names in the environment, first one first. */
  env: readonly string[];
  /** What the value looks like in the help; a setting without it is a switch. */
  placeholder?: string;
  help: string;
  /** Reads one text. Throws an Error whose message goes after the name of the setting. */
  parse(text: string): T;
  /** The value when nothing names one. */
  fallback: T;
}

export type Settings = Record<string, Setting<unknown>>;
export type Values<S extends Settings> = { [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/** The places that values come from, the strongest first. */
export interface Sources {
  flags: Record<string, string>;
  env: Record<string, string | undefined>;
  /** The content of the config file, with its path for messages. */
  file?: { path: string; values: Record<string, unknown> };
}

/** Finds every setting's value: flag, then environment, then config file, then default. Throws ADIT_USAGE. */
export function resolveSettings<S extends Settings>(settings: S, sources: Sources): Values<S> {
  const file = sources.file;
  const known = new Set(Object.values(settings).map((setting) => setting.flag));
  const stranger = Object.keys(file?.values ?? {}).find((key) => !known.has(key));
  if (file && stranger !== undefined) {
    throw new AditError('ADIT_USAGE', `${file.path}: unknown setting "${stranger}"; the keys are the flags' names`);
  }
  const values = Object.entries(settings).map(([name, setting]) => [name, resolve(setting, sources)]);
  return Object.fromEntries(values) as Values<S>;
}

function resolve(setting: Setting<unknown>, { flags, env, file }: Sources): unknown {
  const flag = flags[setting.flag];
  if (flag !== undefined) return parse(setting, flag, `--${setting.flag}`);
  for (const name of setting.env) {
    const text = env[name];
    if (text !== undefined) return parse(setting, text, name);
  }
  const value = file?.values[setting.flag];
  if (file && value !== undefined) return parse(setting, textOf(value), `${file.path}: ${setting.flag}`);
  return setting.fallback;
}

function parse(setting: Setting<unknown>, text: string, source: string): unknown {
  try {
    return setting.parse(text);
  } catch (error) {
    throw new AditError('ADIT_USAGE', `${source}: ${messageOf(error)}`, { cause: error });
  }
}

/** A JSON value as the text that a flag would carry; lists are joined as in the environment. */
function textOf(value: unknown): string {
  return Array.isArray(value) ? value.map(textOf).join(',') : String(value);
}

/** Reads a JSON config file. Throws ADIT_USAGE. */
export function parseConfigFile(path: string, text: string): NonNullable<Sources['file']> {
  let values: unknown;
  try {
    // Editors on Windows may begin a file with a byte order mark.
    values = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new AditError('ADIT_USAGE', `${path}: is not JSON: ${messageOf(error)}`, { cause: error });
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new AditError('ADIT_USAGE', `${path}: is not a JSON object; write {"setting": value}`);
  }
  return { path, values: values as Record<string, unknown> };
}

/** Reads a duration such as `30s`, `500ms`, `1m` or `2h` into milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim());
  if (!match) throw new Error(`"${text}" is not a duration; write it like 30s, 500ms, 1m or 2h`);
  const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as 'ms' | 's' | 'm' | 'h'];
  const ms = Number(match[1]) * unitMs;
  // Node's timers count in 31 bits and fire at once beyond them.
  if (!(ms > 0) || ms > 2 ** 31 - 1) throw new Error(`"${text}" is out of range; durations go from 1ms to 596h`);
  return ms;
}

/** Reads a whole number that is not negative. */
export function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text.trim())) throw new Error(`"${text}" is not a whole number`);
  return Number(text);
}

/** Reads a URL of http or https that consists of scheme, host and port. */
export function parseSite(text: string): URL {
  const word = text.trim();
  // Without the slashes `hub.test:80` would be a URL of the scheme hub.test.
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(word)?.[1]?.toLowerCase();
  if (!scheme || !URL.canParse(word)) throw new Error(`"${word}" is not a URL; write it like https://hub.example.com`);
  if (scheme === 'ws' || scheme === 'wss') {
    throw new Error(`"${word}" is the URL of a websocket; write ${new URL(word.replace(/^ws/i, 'http')).origin}`);
  }
  if (!/^https?$/.test(scheme)) throw new Error(`"${word}" is a URL of ${scheme}; only http and https go here`);
  const url = new URL(word);
  if (url.href !== `${url.origin}/`) throw new Error(`"${word}" has a path or a user; scheme, host and port go here`);
  return url;
}

/** Reads the path of a file. */
export function parsePath(text: string): string {
  if (text === '') throw new Error('names no file');
  return text;
}

/** Reads a switch. */
export function parseSwitch(text: string): boolean {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0' || text === '') return false;
  throw new Error(`"${text}" is neither true nor false`);
}

/** A parser for one of a few words. */
export function oneOf<const T extends string>(...words: T[]): (text: string) => T {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw new Error(`"${text}" is not one of ${words.join(', ')}`);
    return word;
  };
}
