import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleanup } from '../../support/processes.ts';
import type { Origins } from '../origins.ts';

/** Where a visitor asks for one of the origins. */
export interface Way {
  port: number;
  host: string;
}

/** What publishes the origins, once it runs. */
export interface Running {
  /** The way to the origin `web`. */
  web: Way;
  /** The way to the origin `sink`. */
  sink: Way;
  /** The processes whose processor time and memory count: those on the way to `web`. */
  pids: number[];
  /** What its programs had to say, for the case that it does not serve. */
  said?(): string;
}

/** What a row compares: ways to a private service, or ways through hubs that share a Redis. */
export type Field = 'ways' | 'hubs';

interface Named {
  id: string;
  name: string;
  /** In which rows it is measured. */
  fields: readonly Field[];
}

/** Something that may be measured on this machine. */
export interface Candidate extends Named {
  /** Rejects when it cannot run here. */
  start(scope: Cleanup, origins: Origins): Promise<Running>;
}

export interface Subject extends Named, Running {}

export interface Absent {
  id: string;
  name: string;
  reason: string;
}

/** A subject may take this long to start, and to serve then. */
const startMs = 15_000;

/** Starts a candidate and waits until it serves, or says why it is absent. */
export async function bring(scope: Cleanup, candidate: Candidate, origins: Origins): Promise<Subject | Absent> {
  const { id, name, fields } = candidate;
  try {
    const late = sleep(startMs, undefined, { ref: false }).then(() => Promise.reject(new Error('it did not start')));
    const running = await Promise.race([candidate.start(scope, origins), late]);
    await untilServing(running);
    return { id, name, fields, ...running };
  } catch (error) {
    return { id, name, reason: lastLine((error as Error).message) };
  }
}

async function untilServing(running: Running): Promise<void> {
  const giveUpAt = performance.now() + startMs;
  let problem = '';
  while (performance.now() < giveUpAt) {
    problem = await problemOf(running.web);
    if (problem === '') return;
    await sleep(50);
  }
  throw new Error(running.said?.() || problem);
}

/** What is wrong with the way to the web origin; empty when it works. */
async function problemOf({ port, host }: Way): Promise<string> {
  return await new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, headers: { Host: host }, agent: false, timeout: 1_000 });
    asked.once('response', (response) => {
      response.resume();
      const isRight = response.statusCode === 200 && response.headers['content-length'] === '100';
      resolve(isRight ? '' : `it answered with status ${response.statusCode}`);
    });
    asked.once('timeout', () => asked.destroy(new Error('it did not answer')));
    asked.once('error', (error) => resolve(error.message));
    asked.end();
  });
}

/** A program's complaint comes after its small talk. */
function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
