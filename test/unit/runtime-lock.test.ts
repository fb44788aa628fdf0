import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RuntimeLock } from '#internal/agent/runtime-lock';
import { temporaryFolder } from '../support/processes.ts';

const self = { pid: 4242, origin: 'http://localhost:3000' };

async function takeHeld(t: TestContext, folder: string, name = 'a'): Promise<RuntimeLock> {
  const taken = await RuntimeLock.take(folder, name, self);
  assert.ok(taken instanceof RuntimeLock);
  t.after(() => taken.release());
  return taken;
}

/** A process that holds a lock until it is killed. */
async function spawnHolder(t: TestContext, folder: string): Promise<{ kill(): Promise<void>; pid: number }> {
  const module = new URL('../../internal/agent/runtime-lock.ts', import.meta.url).href;
  const code = `
    import { RuntimeLock } from ${JSON.stringify(module)};
    const taken = await RuntimeLock.take(process.argv[1], 'a', { pid: process.pid, origin: 'http://localhost:1' });
    console.log(taken instanceof RuntimeLock ? 'held' : 'not held');
    process.stdin.resume();`;
  const flags = ['--conditions=adit-source', '--import', 'tsx', '--input-type=module', '--eval', code, folder];
  const child = spawn(process.execPath, flags, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  t.after(() => child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  assert.equal(String(line).trim(), 'held');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  return { kill, pid: child.pid ?? 0 };
}

test('a lock is held by one, and others are told who it is', async (t) => {
  const folder = temporaryFolder(t);
  await takeHeld(t, folder);
  assert.deepEqual(await RuntimeLock.take(folder, 'a', { pid: 1, origin: 'another' }), self);
  assert.deepEqual(await RuntimeLock.take(folder, 'a', { pid: 1, origin: 'another' }), self);
});

test('locks of other names and folders are others', async (t) => {
  const folder = temporaryFolder(t);
  await takeHeld(t, folder, 'a');
  await takeHeld(t, folder, 'b');
  await takeHeld(t, join(folder, 'further', 'down'), 'a');
});

test('a released lock can be taken, and leaves nothing behind', async (t) => {
  const folder = temporaryFolder(t);
  const lock = await takeHeld(t, folder);
  lock.release();
  assert.deepEqual(readdirSync(folder), []);
  await takeHeld(t, folder);
});

test('the folder is made for this user alone', async (t) => {
  const folder = join(temporaryFolder(t), 'run');
  await takeHeld(t, folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
});

test('of many at once one gets the lock', async (t) => {
  const folder = temporaryFolder(t);
  const all = await Promise.all(Array.from({ length: 10 }, () => RuntimeLock.take(folder, 'a', self)));
  const locks = all.filter((taken) => taken instanceof RuntimeLock);
  for (const lock of locks) t.after(() => lock.release());
  assert.equal(locks.length, 1);
});

test('a living process keeps its lock, and a killed one leaves it to the next', async (t) => {
  const folder = temporaryFolder(t);
  const holder = await spawnHolder(t, folder);
  assert.deepEqual(await RuntimeLock.take(folder, 'a', self), { pid: holder.pid, origin: 'http://localhost:1' });
  await holder.kill();
  // What it listened on is still there.
  assert.ok(existsSync(join(folder, 'a.lock')));
  await takeHeld(t, folder);
  assert.deepEqual(await RuntimeLock.take(folder, 'a', { pid: 1, origin: 'another' }), self);
});
