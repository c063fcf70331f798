import { mkdir, rm, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A holder touches its lock this often; a lock untouched for `STALE_MS` belonged to a process that is gone. */
const TOUCH_MS = 2_000;
const STALE_MS = 15_000;
const POLL_MS = 250;

/**
 * Runs `work` while no other process on this file system runs work under the same lock. The lock is a folder that its
 * holder keeps touching, so it needs no process ids and a killed holder is noticed. Two processes can only overlap if
 * one was suspended for longer than `STALE_MS`: work must also be safe without the lock, merely wasteful.
 */
export async function withLock<T>(path: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  for (let waited = false; !(await taken(path)); waited = true) {
    if (!waited) onWait();
    if (Date.now() - (await touchedAt(path)) > STALE_MS) await rm(path, { recursive: true, force: true });
    else await sleep(POLL_MS);
  }
  const touch = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, TOUCH_MS);
  try {
    return await work();
  } finally {
    clearInterval(touch);
    await rm(path, { recursive: true, force: true });
  }
}

/** Takes the lock, and keeps it until what is returned is called. */
export function hold(path: string, onWait: () => void): Promise<() => Promise<void>> {
  const over = Promise.withResolvers<void>();
  return new Promise((resolve, reject) => {
    const held = withLock(path, onWait, () => {
      resolve(async () => {
        over.resolve();
        await held;
      });
      return over.promise;
    });
    held.catch(reject);
  });
}

async function taken(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** When the lock was last touched; now, when it has just been released. */
async function touchedAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return Date.now();
  }
}
