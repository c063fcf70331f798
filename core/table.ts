/** The next traffic table, from the split to serve. */

import type { TableVersion, TrafficTable } from '../api/traffic-table.ts';
import { sameJson } from './equal.ts';
import type { Desired, Observed } from './model.ts';
import type { SplitEntry } from './split.ts';

/** The table for a split, at the next revision; the one written last, as it is, when it says the same. */
export function nextTable(desired: Desired, observed: Observed, split: readonly SplitEntry[]): TrafficTable {
  const last = observed.table;
  const content = {
    model: desired.model,
    primary: primaryOf(split, last?.primary),
    ...(desired.cohort && { cohort: desired.cohort }),
    versions: tableVersions(desired, observed, split),
  };
  if (last) {
    const { revision, ...old } = last;
    if (sameJson(old, content)) return last;
    return { revision: revision + 1, ...content };
  }
  return { revision: 1, ...content };
}

/** The largest share; of equals the one that is primary already, else the first. */
function primaryOf(split: readonly SplitEntry[], before: string | undefined): string {
  const most = Math.max(...split.map(({ share }) => share));
  const largest = split.filter(({ share }) => share === most).map(({ name }) => name);
  return before !== undefined && largest.includes(before) ? before : (largest[0] as string);
}

/** Listed versions in the order of the list, also those without traffic; then what still serves though it is dropped. */
function tableVersions(desired: Desired, observed: Observed, split: readonly SplitEntry[]): TableVersion[] {
  const listed = desired.versions.filter((v) => !v.dropped);
  const leaving = split.filter(({ name, share }) => share > 0 && !listed.some((v) => v.name === name));
  return [...listed.map((v) => v.name), ...leaving.map((v) => v.name)].map((name) => {
    const { share, ranges } = split.find((entry) => entry.name === name) ?? { share: 0, ranges: [] };
    const address = observed.versions.find((v) => v.name === name)?.address;
    return {
      name,
      share,
      ranges: [...ranges],
      shadow: listed.find((v) => v.name === name)?.shadow ?? 0,
      ...(address && { address }),
    };
  });
}
