/** The cgroup (v1 or v2) below which a node's pods run, so that all of them can be found and ended. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';

/** The hierarchies: one with v2, one a controller with v1. */
async function hierarchies(): Promise<string[]> {
  if (existsSync(join(ROOT, 'cgroup.controllers'))) return [ROOT];
  const entries = await readdir(ROOT, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(ROOT, name));
}

export async function makeCgroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const path = join(hierarchy, name);
    await mkdir(path, { recursive: true });
    // With v1 a cpuset without CPUs takes no process.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (!hierarchy.endsWith('/cpuset')) continue;
      await writeFile(join(path, file), await readFile(join(hierarchy, file)));
    }
  }
}

/** Kills every process below it, and removes it. */
export async function removeCgroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const path = join(hierarchy, name);
    if (existsSync(path)) await removeBelow(path);
  }
}

async function removeBelow(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeBelow(join(path, entry.name));
  const members = await readFile(join(path, 'cgroup.procs'), 'utf8').catch(() => '');
  for (const pid of members.split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  for (let attempt = 0; attempt < 50 && existsSync(path); attempt++) {
    await rmdir(path).catch(() => new Promise((resolve) => setTimeout(resolve, 20)));
  }
}
