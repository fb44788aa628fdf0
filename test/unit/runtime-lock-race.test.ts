import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { RuntimeLock } from '#internal/agent/runtime-lock';
import { temporaryFolder } from '../support/processes.ts';

test('of many that find the lock of a killed process at once, one gets it', async (t) => {
  const folder = temporaryFolder(t);
  const code = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  assert.throws(() => execFileSync(process.execPath, ['--eval', code, join(folder, 'a.lock')]));
  const self = { pid: process.pid, origin: 'http://localhost:3000' };
  const all = await Promise.all(Array.from({ length: 10 }, () => RuntimeLock.take(folder, 'a', self)));
  const locks = all.filter((taken) => taken instanceof RuntimeLock);
  for (const lock of locks) t.after(() => lock.release());
  assert.equal(locks.length, 1);
});
