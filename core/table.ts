/** The next traffic table, from the split to serve. */

import type { TableVersion, TrafficTable } from '../api/traffic-table.ts';
import { sameJson } from './equal.ts';
import type { Desired, Observed } from './model.ts';
import type { SplitEntry } from './split.ts';

/**
 * The table for a split, at the next revision; the one written last, as it is, when it says the same. A digest that has
 * become known is no reason to write one, unless a process has another: each first load would cost a write. Fields are
 * in the order of the schema: a table that is read back must be the same text, or it would be written twice.
 */
export function nextTable(desired: Desired, observed: Observed, split: readonly SplitEntry[]): TrafficTable {
  const last = observed.table;
  const versions = tableVersions(desired, observed, split);
  const next = {
    model: desired.model,
    revision: (last?.revision ?? 0) + 1,
    primary: primaryOf(versions, desired.primary, last?.primary),
    ...(desired.cohort && { cohort: desired.cohort }),
    ...(desired.observe && { observe: desired.observe }),
    versions,
  };
  if (!last) return next;
  const same = { ...next, revision: last.revision, versions: withoutNews(versions, desired, last) };
  return sameJson(last, same) ? last : next;
}

/** Without the digests that the last table lacks and that nobody has to be told. */
function withoutNews(versions: readonly TableVersion[], desired: Desired, last: TrafficTable): TableVersion[] {
  return versions.map(({ digest, ...row }) => {
    const before = last.versions.find(({ name }) => name === row.name)?.digest;
    const urgent = desired.versions.some((v) => v.name === row.name && v.digestDiffers);
    return digest !== undefined && (before !== undefined || urgent) ? { ...row, digest } : row;
  });
}

/** The one asked for, if the table has it; else the largest share, of equals the one that is primary already, else the first. */
function primaryOf(split: readonly TableVersion[], asked: string | undefined, before: string | undefined): string {
  if (asked !== undefined && split.some(({ name }) => name === asked)) return asked;
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
    const digest = desired.versions.find((v) => v.name === name)?.digest;
    return {
      name,
      share,
      ranges: [...ranges],
      shadow: listed.find((v) => v.name === name)?.shadow ?? 0,
      ...(digest !== undefined && { digest }),
      ...(address && { address }),
    };
  });
}
