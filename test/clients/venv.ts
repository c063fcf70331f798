/** A Python environment with the clients that we did not write, built once into a cache outside the work tree. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withLock } from '../control-plane/lock.ts';

const exec = promisify(execFile);
const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
/** A first install fetches some 100 MB. */
const INSTALL_MS = 600_000;

/** The Python of the environment. @throws Error that says what to install */
export async function clientsPython(): Promise<string> {
  const version = await pythonVersion();
  const key = createHash('sha256')
    .update(version)
    .update(await readFile(REQUIREMENTS))
    .digest('hex');
  const folder = join(cacheRoot(), 'modelship', 'clients', key.slice(0, 16));
  const done = join(folder, 'complete');
  if (!existsSync(done)) {
    const wait = () => say('clients: another process installs them');
    await withLock(`${folder}.lock`, wait, async () => {
      if (existsSync(done)) return;
      say('clients: installing tritonclient and kserve, once');
      await rm(folder, { recursive: true, force: true });
      await exec('python3', ['-m', 'venv', folder]);
      const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS];
      await exec(join(folder, 'bin', 'python'), install, { timeout: INSTALL_MS });
      await writeFile(done, '');
    });
  }
  return join(folder, 'bin', 'python');
}

function cacheRoot(): string {
  return process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
}

async function pythonVersion(): Promise<string> {
  try {
    return (await exec('python3', ['--version'])).stdout.trim();
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(`the client tests need python3 (3.10 or later) with its venv module: install it. ${why}`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
