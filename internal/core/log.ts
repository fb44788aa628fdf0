import { type DestinationStream, pino } from 'pino';
import pretty from 'pino-pretty';

type Fields = Record<string, unknown>;
type Write = (message: string, fields?: Fields) => void;

/** What code may say to its operator. Messages are lower case, without secrets. */
export interface Log {
  debug: Write;
  info: Write;
  warn: Write;
  error: Write;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
export type LogFormat = 'text' | 'json';

/** A log that writes lines to `destination`: JSON for machines, text for people. */
export function createLog(options: { level: LogLevel; format: LogFormat }, destination: DestinationStream): Log {
  const target =
    options.format === 'json'
      ? destination
      : pretty({
          destination,
          sync: true,
          singleLine: true,
          ignore: 'pid,hostname',
          translateTime: 'SYS:HH:MM:ss',
        } as pretty.PrettyOptions);
  const out = pino({ level: options.level, base: null }, target);
  const writer =
    (level: Exclude<LogLevel, 'silent'>): Write =>
    (message, fields) =>
      out[level](fields ?? {}, message);
  return { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') };
}

/** A log that nobody reads. */
export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {
  // Nobody reads it.
}
