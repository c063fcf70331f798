/** The split in force, as far as it is known. */
import type { TrafficTable } from '../../../api/traffic-table.ts';
import { percentOf } from '../../../api/units.ts';
import { sameJson } from '../../../core/equal.ts';
import { isReady } from '../pod.ts';
import type { StatusFacts } from './facts.ts';
import type { VersionView } from './version-status.ts';
import { cut } from './words.ts';

/** Basis points by version, in the order in which they are told. */
export type Shares = ReadonlyMap<string, number>;

export function tableShares(table: TrafficTable): Shares {
  return new Map(table.versions.map(({ name, share }) => [name, share]));
}

/**
 * The table's own where all pods follow it, else what all ready pods report alike. Undefined in the middle of a move, and
 * while no pod is ready: nobody follows anything then.
 */
export function sharesInForce({ table, inForce }: StatusFacts, views: readonly VersionView[]): Shares | undefined {
  if (!table || views.every(({ ready }) => ready === 0)) return undefined;
  if (inForce) return tableShares(table);
  const reported = views.flatMap(({ facts }) =>
    facts.pods.filter(isReady).map(({ metadata }) => {
      const read = facts.reports.get(metadata.name);
      return read?.ok ? read.report.table?.shares : undefined;
    }),
  );
  const [first] = reported;
  if (!first || !reported.every((shares) => sameJson(shares, first))) return undefined;
  const names = new Set([...table.versions.map(({ name }) => name), ...Object.keys(first).toSorted()]);
  return new Map([...names].map((name) => [name, first[name] ?? 0]));
}

/** `v1:90 v2:10`. */
export function splitText(shares: Shares): string {
  const taking = [...shares].filter(([, share]) => share > 0);
  return cut(taking.map(([name, share]) => `${name}:${percentOf(share)}`).join(' '), 1_024);
}
