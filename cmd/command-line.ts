import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { parseConfigFile, resolveSettings, type Settings, type Values } from '#internal/core/config';
import { AditError, type CommandErrorCode, commandErrors, messageOf } from '#internal/core/errors';
import { version } from '#internal/core/version';

export interface Program<S extends Settings> {
  name: string;
  description: string;
  /** How the words are written, for the help; a program without it takes none. */
  words?: string;
  settings: S;
  examples: string;
}

export interface Invocation<S extends Settings> {
  words: string[];
  values: Values<S>;
}

/**
 * Reads flags, environment and config file. Throws ADIT_USAGE. Help and version are printed and end the process with 0.
 */
export function readInvocation<S extends Settings>(program: Program<S>): Invocation<S> {
  const command = new Command(program.name)
    .description(program.description)
    .version(`${program.name}/${version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('--config <file>', 'a JSON file of settings; its keys are the names of the flags')
    .addHelpText('after', program.examples)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  if (program.words) command.argument('[words...]').usage(program.words);
  else command.allowExcessArguments();
  for (const { flag, placeholder, help, env } of Object.values(program.settings)) {
    const note = env.length > 0 ? ` (${env.join(', ')})` : '';
    const form = placeholder === undefined ? `--${flag}` : `--${flag} <${placeholder}>`;
    // A flag that is given again adds to its list.
    command.option(form, help + note, (value: string, before?: string) => (before ? `${before},${value}` : value));
  }
  parse(command);
  const [word] = command.args;
  if (!program.words && word !== undefined) {
    throw new AditError(
      'ADIT_USAGE',
      `"${word}" is not a setting; ${program.name} takes only flags, see ${program.name} --help`,
    );
  }
  const { config, ...flags } = command.opts<Record<string, unknown>>();
  const given = Object.values(program.settings).flatMap(({ flag }) => {
    const value = flags[flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
    return value === undefined ? [] : [[flag, String(value)]];
  });
  const file = config === undefined ? {} : { file: readConfig(String(config)) };
  const values = resolveSettings(program.settings, { flags: Object.fromEntries(given), env: process.env, ...file });
  return { words: command.args, values };
}

function parse(command: Command): void {
  try {
    command.parse();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) process.exit(0);
    // What was perhaps meant comes on a line of its own.
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    throw new AditError('ADIT_USAGE', `${message}; see ${command.name()} --help`);
  }
}

function readConfig(path: string): ReturnType<typeof parseConfigFile> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new AditError('ADIT_USAGE', `--config: cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  return parseConfigFile(path, text);
}

/** The exit code for whatever ended a command. */
export function exitCodeOf(thrown: unknown): number {
  const code = thrown instanceof AditError ? thrown.code : '';
  return Object.hasOwn(commandErrors, code) ? commandErrors[code as CommandErrorCode] : 1;
}
