/**
 * Which versions must run, at which size, with which shares, in which order. One planner for the laptop and the
 * cluster. The order of every move: the target is ready and warm, then it takes weight while the others lose it (one
 * revision of the table), then the losers shrink or stop, a delay after that revision is in force everywhere.
 */
import type { TrafficTable } from '../api/traffic-table.ts';
import type { Desired, DesiredVersion, Memory, Observed, Plan } from './model.ts';
import { nextTable } from './table.ts';
import { gains, neededOf, targetShares } from './target.ts';

/**
 * @param memory what the last plan returned, or `firstMemory()`
 * @param now ms of any clock, the same one every time
 */
export function plan(desired: Desired, observed: Observed, memory: Memory, now: number): Plan {
  const target = targetShares(desired, observed, memory);
  const table = target.split && nextTable(desired, observed, target.split);
  const write = table !== observed.table ? table : undefined;
  const lost = losses(memory.lost, observed, write, now);
  const entry = table && entryOf(table, observed);
  const retire: string[] = [];
  const run: Plan['run'] = [];
  const ends = Object.keys(lost).map((name) => quietAt(name, lost, desired.retireAfterMs));
  const moving = ends.some((end) => end > now);
  const wakeAt = Math.min(...ends.filter((end) => end > now));
  for (const version of desired.versions) {
    const until = quietAt(version.name, lost, desired.retireAfterMs);
    const state = settle(version, { observed, table, entry, over: until <= now, moving });
    if (state === 'retire') retire.push(version.name);
    else run.push({ name: version.name, size: state });
  }
  for (const name of Object.keys(lost)) {
    const stays = desired.versions.some((v) => v.name === name) && !retire.includes(name);
    if (!stays && quietAt(name, lost, desired.retireAfterMs) <= now) delete lost[name];
  }
  return {
    run,
    ...(write && { table: write }),
    ...(entry !== undefined && { entry }),
    retire,
    ...(Number.isFinite(wakeAt) && { wakeAt }),
    waiting: target.waiting,
    memory: { ...(target.starting && { starting: target.starting }), lost },
  };
}

/** Notes who loses with the table to write, and when the losses of the one written before came into force. */
function losses(known: Memory['lost'], observed: Observed, write: TrafficTable | undefined, now: number) {
  const lost: Record<string, { at?: number }> = {};
  for (const [name, loss] of Object.entries(known)) {
    lost[name] = loss.at === undefined && observed.inForce ? { at: now } : loss;
  }
  if (!write) return lost;
  const before = observed.table?.versions ?? [];
  for (const { name, share, shadow } of before) {
    const next = write.versions.find((v) => v.name === name);
    if (!next || next.share < share || next.shadow < shadow) lost[name] = {};
  }
  for (const { name, share } of write.versions) {
    if (share > (before.find((v) => v.name === name)?.share ?? 0)) delete lost[name];
  }
  return lost;
}

/** When the delay after a version's last loss is over: in the past when it lost nothing, ∞ until the loss is in force. */
function quietAt(name: string, lost: Memory['lost'], retireAfterMs: number): number {
  const loss = lost[name];
  if (!loss) return Number.NEGATIVE_INFINITY;
  return loss.at === undefined ? Number.POSITIVE_INFINITY : loss.at + retireAfterMs;
}

interface Surroundings {
  observed: Observed;
  table: TrafficTable | undefined;
  entry: string | undefined;
  /** Whether the delay after its last loss is over. */
  over: boolean;
  /** Whether any version's is not: then the last move is not over, and what gained by it keeps what it was given. */
  moving: boolean;
}

/** The size that a version must have now, or that it may go. */
function settle(version: DesiredVersion, around: Surroundings): number | 'retire' {
  const { observed, table, entry, over, moving } = around;
  const { name } = version;
  const share = table?.versions.find((v) => v.name === name)?.share ?? 0;
  const size = observed.versions.find((v) => v.name === name)?.size ?? version.size;
  // In the middle of a rollout one that is no longer listed has a share, and may get more again.
  if (!version.dropped || version.share > 0) {
    const goal = gains(version, observed.table?.versions ?? []) ? neededOf(version) : version.size;
    // What follows its load follows it down, too, until it has lost traffic: a floor at each peak would only rise.
    const loaded = share > version.share && !version.elastic;
    return loaded || !over || moving ? Math.max(size, goal) : goal;
  }
  const needed = share > 0 || name === observed.door || name === entry;
  if (!needed && over) return 'retire';
  return version.elastic && over && !moving ? version.size : Math.max(size, version.size);
}

/**
 * Who stands behind the public door: the primary; while it has no ready replica, the ready version with the largest
 * share. A version without a share never does: the file gives it no user.
 */
function entryOf(table: TrafficTable, observed: Observed): string | undefined {
  const ready = (name: string) => observed.versions.some((v) => v.name === name && v.readyReplicas > 0);
  if (ready(table.primary)) return table.primary;
  const able = table.versions.filter((v) => v.share > 0 && ready(v.name));
  const most = Math.max(...able.map((v) => v.share));
  const best = able.filter((v) => v.share === most).map((v) => v.name);
  return best.find((name) => name === observed.door) ?? best[0];
}
