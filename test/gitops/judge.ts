/** Argo CD's Lua and Flux's CEL, in a small program of pinned Go modules (go/). */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { withLock } from '../control-plane/lock.ts';
import { cacheFolder, go } from '../go/build.ts';

const MODULE = join(import.meta.dirname, 'go');
/** The first build takes half a minute on two cores. */
export const BUILD_MS = 300_000;

export interface Ask {
  /** A script of Argo CD; its global `obj` is the object. */
  lua?: string;
  /** `healthCheckExprs` of Flux. */
  cel?: { inProgress?: string; failed?: string; current: string };
  object: object;
}

/** What the script or the expressions made of the object, or why not. */
export interface Judged {
  value?: unknown;
  error?: string;
}

async function judgeProgram(): Promise<string> {
  const source = await readFile(join(MODULE, 'main.go'), 'utf8');
  const folder = await cacheFolder('gitops', [{ folder: MODULE, with: source }]);
  const path = join(folder, 'judge');
  await withLock(
    `${path}.lock`,
    () => undefined,
    async () => {
      if (existsSync(path)) return;
      await go(
        ['build', '-trimpath', '-ldflags', '-s -w', '-o', `${path}.partial`, '.'],
        MODULE,
        'the judge of GitOps',
      );
      await rename(`${path}.partial`, path);
    },
  );
  return path;
}

/** In the order in which they are asked. */
export async function judged(asks: readonly Ask[]): Promise<Judged[]> {
  const child = spawn(await judgeProgram(), { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(asks.map((ask) => `${JSON.stringify(ask)}\n`).join(''));
  const lines = (await text(child.stdout)).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Judged);
}
