/** What a process and all that came of it cost, as Linux says. Elsewhere nothing is known. */
import { readdirSync, readFileSync } from 'node:fs';

/** Of /proc/PID/stat; the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface Stat {
  pid: number;
  parent: number;
  session: number;
  /** User and system, its own and that of children that it has waited for, seconds. */
  cpuSeconds: number;
}

/** One line of /proc/PID/stat. */
export function parseStat(text: string): Stat {
  // The name of the program, in parentheses, may hold spaces and parentheses.
  const end = text.lastIndexOf(')');
  const fields = text
    .slice(end + 2)
    .split(' ')
    .map(Number);
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + (fields[at] as number), 0);
  return {
    pid: Number.parseInt(text, 10),
    parent: fields[1] as number,
    session: fields[3] as number,
    cpuSeconds: ticks / TICKS_PER_SECOND,
  };
}

/** The processes that came of `root`, itself included: its descendants, and who shares its session (daemons). */
export function treeOf(stats: readonly Stat[], root: number): Stat[] {
  const inTree = new Set([root]);
  for (let grown = true; grown; ) {
    const before = inTree.size;
    for (const { pid, parent, session } of stats) if (inTree.has(parent) || session === root) inTree.add(pid);
    grown = inTree.size > before;
  }
  return stats.filter(({ pid }) => inTree.has(pid));
}

export const canReadUsage = process.platform === 'linux';

function readTree(root: number): Stat[] {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))];
      } catch {
        return []; // It has ended.
      }
    });
  return treeOf(stats, root);
}

/** The process and all that came of it. Only the process where /proc is not to be had. */
export const pidsOf = (root: number): number[] => (canReadUsage ? readTree(root).map(({ pid }) => pid) : [root]);

/** CPU seconds of the tree so far. Undefined where /proc is not to be had. */
export function cpuSecondsOf(root: number): number | undefined {
  if (!canReadUsage) return undefined;
  return readTree(root).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

/** Proportional memory of the tree, bytes: what is shared counts once. Undefined where /proc is not to be had. */
export function memoryOf(root: number): number | undefined {
  if (!canReadUsage) return undefined;
  return readTree(root).reduce((sum, { pid }) => sum + proportionalBytes(pid), 0);
}

function proportionalBytes(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
