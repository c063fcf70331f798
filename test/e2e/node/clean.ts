/**
 * Removes what nodes leave behind when they are killed: containers, mounts, cgroups and the network.
 * `node test/e2e/node/clean.ts FOLDER`, run by the keeper at the end; safe to run again, and for a run that was cut off.
 */
import { readdir, readFile } from 'node:fs/promises';
import { must } from '../../control-plane/tools.ts';
import { removeCgroup } from './cgroup.ts';
import { nodeAddress, removeNetwork } from './network.ts';

const MOST_NODES = 9;

/** @param folder of the run; of any, when undefined */
export async function cleanNodes(folder = '/modelship-control-plane-'): Promise<void> {
  const nodes = Array.from({ length: MOST_NODES }, (_, index) => nodeAddress(index + 1));
  for (const { name } of nodes) await removeCgroup(name);
  for (const pid of await shims(folder)) process.kill(pid, 'SIGKILL');
  for (const path of await mountsBelow(folder)) await must('umount', ['--lazy', path]).catch(() => undefined);
  await removeNetwork(nodes);
}

/** Processes that outlive their containerd by design. */
async function shims(folder: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes('containerd-shim') && line.includes(folder)) found.push(Number(pid));
  }
  return found;
}

/** Innermost first. */
async function mountsBelow(folder: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const paths = lines.map((line) => line.split(' ')[4] ?? '').filter((path) => path.includes(folder));
  return paths.toSorted((a, b) => b.length - a.length);
}

if (import.meta.main) await cleanNodes(process.argv[2]);
