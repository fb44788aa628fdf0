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

/** What waits at most for a disk that is full or a reader that is gone; lines beyond that are lost. */
const waitingBytes = 65_536;

/** Writes lines to a file descriptor. That this fails, as on a full disk, must not end a program that serves. */
export function logLines(fd: number): DestinationStream {
  const lines = pino.destination({ fd, sync: true, maxLength: waitingBytes });
  lines.on('error', ignore);
  return lines;
}

/** A log that nobody reads. */
export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {
  // Nobody reads it.
}
