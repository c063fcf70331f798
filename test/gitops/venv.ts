/** The Python environment that the pipeline's example runs in, built once into a cache outside the work tree. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { withLock } from '../control-plane/lock.ts';

const exec = promisify(execFile);
const REQUIREMENTS = resolve(import.meta.dirname, '../../examples/gitops/pipeline/requirements.txt');
/** A first install fetches some 150 MB. */
export const INSTALL_MS = 600_000;

/** The folder of its programs, for the front of the PATH. @throws Error that says what to install */
export async function trainingTools(): Promise<string> {
  const { stdout } = await exec('python3', ['--version']).catch((error: Error) => {
    throw new Error(`the pipeline needs python3 (3.11 or later) with its venv module: install it. ${error.message}`);
  });
  const hash = createHash('sha256')
    .update(stdout)
    .update(await readFile(REQUIREMENTS));
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const folder = join(cache, 'modelship', 'training', hash.digest('hex').slice(0, 16));
  const done = join(folder, 'complete');
  await withLock(
    `${folder}.lock`,
    () => undefined,
    async () => {
      if (existsSync(done)) return;
      await rm(folder, { recursive: true, force: true });
      await exec('python3', ['-m', 'venv', folder]);
      const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS];
      await exec(join(folder, 'bin', 'python'), install, { timeout: INSTALL_MS });
      await writeFile(done, '');
    },
  );
  return join(folder, 'bin');
}

if (import.meta.main) process.stdout.write(`${await trainingTools()}\n`);
