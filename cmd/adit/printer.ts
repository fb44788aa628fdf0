import type { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import pc from 'picocolors';
import type { AgentEvent } from '#internal/agent/agent';
import { AditError, messageOf } from '#internal/core/errors';
import { type Log, silentLog } from '#internal/core/log';

/** How `adit` speaks: to people, or to programs. */
export interface Printer {
  event(event: AgentEvent, origin: string): void;
  note(message: string): void;
  fatal(thrown: unknown): void;
  log: Log;
}

/** So many reasons of one outage are worth a line. */
const maxReasons = 5;

/** The library takes whatever Windows writes to for a terminal, a file too. */
function coloursOf(stream: Writable): ReturnType<typeof pc.createColors> {
  return process.platform === 'win32' && !(stream as Partial<WriteStream>).isTTY ? pc.createColors(false) : pc;
}

/** Lines for people: one for each change. */
export function textPrinter(out: Writable, err: Writable): Printer {
  const outColours = coloursOf(out);
  const errColours = coloursOf(err);
  const say = (line: string): void => void out.write(`${line}\n`);
  const note = (message: string): void => say(`${outColours.cyan('note')}     ${message}`);
  const complain = (message: string): void => void err.write(`${errColours.yellow('adit:')} ${message}\n`);
  // An outage may have hundreds of attempts and a few reasons.
  const toldReasons = new Set<string>();
  return {
    event(event, origin) {
      switch (event.event) {
        case 'online':
          toldReasons.clear();
          say(`${outColours.green('online')}   ${outColours.bold(event.url)} ${outColours.dim('→')} ${origin}`);
          return;
        case 'degraded':
          say(`${outColours.yellow('degraded')} ${event.reason}`);
          return;
        case 'offline':
          if (toldReasons.has(event.reason) || toldReasons.size >= maxReasons) return;
          toldReasons.add(event.reason);
          say(`${outColours.red('offline')}  ${event.reason}; trying again`);
          return;
        case 'note':
          note(event.message);
          return;
        default:
          // Connecting is not worth a line, and what ends the command is told when it ends.
          return;
      }
    },
    note,
    fatal: (thrown) => void err.write(`${errColours.red('adit:')} ${messageOf(thrown)}\n`),
    log: { ...silentLog, warn: complain, error: complain },
  };
}

/** One JSON event a line. */
export function jsonPrinter(out: Writable, err: Writable): Printer {
  const print = (event: object): void => void out.write(`${JSON.stringify(event)}\n`);
  const complain = (message: string, fields = {}): void => print({ event: 'error', message, ...fields });
  return {
    event: print,
    note: (message) => print({ event: 'note', message }),
    fatal(thrown) {
      const code = thrown instanceof AditError ? thrown.code : 'ADIT_FAILED';
      // These two have said so already.
      if (code !== 'ADIT_REPLACED' && code !== 'ADIT_REFUSED')
        print({ event: 'error', code, message: messageOf(thrown) });
      err.write(`adit: ${messageOf(thrown)}\n`);
    },
    log: { ...silentLog, warn: complain, error: complain },
  };
}
