/**
 * The control plane that all tests of `test/cluster` share is started when the first of them begins: it would cost what
 * runs before them a core's twentieth. Vitest's own process has it, and its workers ask by files in a folder.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { rm, watch } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterAccess } from './cluster.ts';

const WANTED = 'wanted';
const UP = 'up.json';
const FAILED = 'failed';
const LOOK_MS = 50;

/** @returns how to end it, and the folder with it */
export function startWhenWanted(
  folder: string,
  start: () => Promise<ClusterAccess & { stop(): Promise<void> }>,
): () => Promise<void> {
  const ending = new AbortController();
  const started = begin();
  async function begin() {
    try {
      if (!(await isWanted(folder, ending.signal))) return undefined;
      const { url, token, kubeconfigPath, caPath, stop } = await start();
      tell(folder, UP, JSON.stringify({ url, token, kubeconfigPath, caPath } satisfies ClusterAccess));
      return stop;
    } catch (error) {
      tell(folder, FAILED, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }
  return async () => {
    ending.abort();
    const stop = await started;
    await stop?.();
    await rm(folder, { recursive: true, force: true });
  };
}

async function isWanted(folder: string, signal: AbortSignal): Promise<boolean> {
  try {
    for await (const { filename } of watch(folder, { signal })) if (filename === WANTED) return true;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return false;
}

/** In a worker: has it started, and waits until it is up. @throws Error with why it could not be started */
export async function sharedControlPlane(folder: string): Promise<ClusterAccess> {
  writeFileSync(join(folder, WANTED), '');
  for (;;) {
    if (existsSync(join(folder, UP))) return JSON.parse(readFileSync(join(folder, UP), 'utf8')) as ClusterAccess;
    if (existsSync(join(folder, FAILED))) throw new Error(readFileSync(join(folder, FAILED), 'utf8'));
    await sleep(LOOK_MS);
  }
}

function tell(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, `${name}.next`), text);
  renameSync(join(folder, `${name}.next`), join(folder, name));
}
