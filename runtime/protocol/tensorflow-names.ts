/**
 * What TensorFlow Serving calls versions: numbers and labels, where here they have names. Pure.
 */
import type { TrafficTable } from '../../api/traffic-table.ts';
import { RequestError } from '../errors.ts';

/** The name that a path means: the name itself, or `v2` by `2` where no version is named `2`. Unknown text stays as it is. */
export function versionNamed(text: string, versions: readonly string[]): string {
  if (versions.includes(text) || !/^\d+$/.test(text)) return text;
  return versions.includes(`v${text}`) ? `v${text}` : text;
}

/** What TensorFlow's clients read as an integer: `2` for `v2` where no version is named `2`; other names as they are. */
export function numberOf(name: string, versions: readonly string[]): string {
  const number = /^v(\d+)$/.exec(name)?.[1];
  return number === undefined || versions.includes(number) ? name : number;
}

/**
 * Label → version: `stable` is the primary of the traffic table, `canary` the one other version that has traffic.
 * @param own the version of this process, the only one where there is no table
 */
export function labelsOf(
  table: Pick<TrafficTable, 'primary' | 'versions'> | undefined,
  own: string,
): Map<string, string> {
  const labels = new Map([['stable', table?.primary ?? own]]);
  const others = table?.versions.filter(({ name, share }) => name !== table.primary && share > 0) ?? [];
  if (others.length === 1 && others[0]) labels.set('canary', others[0].name);
  return labels;
}

/** @throws RequestError VERSION_NOT_FOUND, saying which labels there are */
export function versionLabelled(label: string, labels: ReadonlyMap<string, string>): string {
  const version = labels.get(label);
  if (version !== undefined) return version;
  const known = [...labels].map(([name, of]) => `'${name}' (${of})`).join(', ');
  throw new RequestError('VERSION_NOT_FOUND', `there is no label '${label.slice(0, 80)}' now; there is ${known}`);
}
