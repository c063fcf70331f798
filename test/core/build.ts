/** Builders for planner tests: what a case does not name is ordinary. */
import { type TrafficTable, trafficTable } from '../../api/traffic-table.ts';
import type { Desired, Memory, Observed, Plan } from '../../core/model.ts';
import { plan } from '../../core/plan.ts';
import { moveShares } from '../../core/split.ts';

export const NOW = 1_000_000;
export const RETIRE_AFTER = 30_000;

/** A list with these shares, in percent. Names in `dropped` still exist but are no longer listed. */
export function desired(shares: Record<string, number>, more: Partial<Desired> & { dropped?: string[] } = {}): Desired {
  const { dropped = [], ...rest } = more;
  return {
    model: 'digits',
    versions: [
      ...Object.entries(shares).map(([name, percent]) => ({ name, share: percent * 100, shadow: 0, size: 1 })),
      ...dropped.map((name) => ({ name, share: 0, shadow: 0, size: 1, dropped: true })),
    ],
    retireAfterMs: RETIRE_AFTER,
    ...rest,
  };
}

const address = (name: string) => ({ host: name, http: 8082 });

/** A table with these shares, in percent. */
export function table(shares: Record<string, number>, more: Partial<TrafficTable> = {}): TrafficTable {
  const split = moveShares(undefined, new Map(Object.entries(shares).map(([name, percent]) => [name, percent * 100])));
  const [largest] = [...split].sort((a, b) => b.share - a.share);
  return trafficTable.parse({
    model: 'digits',
    revision: 7,
    primary: largest?.name,
    versions: split.map((entry) => ({ ...entry, shadow: 0, address: address(entry.name) })),
    ...more,
  });
}

/** Versions with their number of ready replicas. */
export function observed(ready: Record<string, number>, more: Partial<Observed> = {}): Observed {
  return {
    versions: Object.entries(ready).map(([name, readyReplicas]) => ({
      name,
      exists: true,
      readyReplicas,
      size: 1,
      address: address(name),
    })),
    inForce: true,
    ...more,
  };
}

/** The memory of a planner whose first split is in force. */
export const settled = (lost: Memory['lost'] = {}): Memory => ({ lost });

/** Shares of a table in percent, without those that have none. */
export function sharesOf(written: TrafficTable | undefined): Record<string, number> | undefined {
  if (!written) return undefined;
  const parsed = trafficTable.parse(written);
  return Object.fromEntries(parsed.versions.filter((v) => v.share > 0).map((v) => [v.name, v.share / 100]));
}

/** A planner with its memory and its last table, and a clock that a test turns. */
export class Planner {
  memory: Memory;
  table: TrafficTable | undefined;
  now = NOW;

  constructor(memory: Memory, written?: TrafficTable) {
    this.memory = memory;
    this.table = written;
  }

  plan(want: Desired, seen: Observed): Plan {
    const next = plan(want, { ...seen, table: this.table }, this.memory, this.now);
    this.memory = next.memory;
    this.table = next.table ?? this.table;
    return next;
  }
}
