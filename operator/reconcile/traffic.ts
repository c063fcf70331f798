/**
 * The traffic table between passes. Its home is the ConfigMap that the pods mount; beside it stand a hash, so that a hand
 * that edits it is noticed, and the versions that lost traffic with it, so that another process can go on. Pure.
 */
import { TRAFFIC_TABLE_FILE, type TrafficTable, trafficTable } from '../../api/traffic-table.ts';
import { ALL, basisPoints } from '../../api/units.ts';
import { moveShares } from '../../core/split.ts';
import type { StoredObject } from '../kube/object.ts';
import { hash8 } from '../render/names.ts';
import type { KubeObject } from '../render/objects.ts';
import type { StoredModelDeployment } from './stored.ts';

const HASH_ANNOTATION = 'modelship.dev/table-hash';
const LOST_ANNOTATION = 'modelship.dev/lost-traffic';

/** What the ConfigMap holds, as it was applied; undefined when there is none or somebody else wrote in it. */
export function storedTable(configMap: StoredObject | undefined): TrafficTable | undefined {
  const text = textOf(configMap);
  if (text === undefined || configMap?.metadata.annotations?.[HASH_ANNOTATION] !== hash8(text)) return undefined;
  return parsed(text);
}

/** Versions that lost traffic with the table, or with one before it. */
export function lostVersions({ metadata }: StoredObject): string[] {
  return (metadata.annotations?.[LOST_ANNOTATION] ?? '').split(',').filter((name) => name !== '');
}

/**
 * What to put back when the ConfigMap is gone or somebody else wrote in it: the table written last, or else the split
 * that the status tells. Pods take no revision that is not newer than theirs, so it is newer than what was written.
 * @param now ms since 1970, for a revision that is newer than any counted one
 */
export function lostTable(
  configMap: StoredObject | undefined,
  last: TrafficTable | undefined,
  md: StoredModelDeployment,
  now: number,
): TrafficTable | undefined {
  const theirs = parsed(textOf(configMap) ?? '')?.revision ?? 0;
  if (last) return { ...last, revision: theirs < last.revision ? last.revision : theirs + 1 };
  const shares = new Map((md.status?.versions ?? []).map((v) => [v.name, basisPoints(v.traffic ?? 0)]));
  if ([...shares.values()].reduce((sum, share) => sum + share, 0) !== ALL) return undefined;
  const split = moveShares(undefined, shares);
  const [primary] = split.toSorted((a, b) => b.share - a.share);
  if (!primary) return undefined;
  return {
    model: md.metadata.name,
    revision: Math.max(theirs + 1, Math.floor(now / 1_000)),
    primary: primary.name,
    versions: split.map((row) => ({ ...row, shadow: 0 })),
  };
}

/** The rendered ConfigMap with what the next process needs to know. */
export function withTableNotes(configMap: KubeObject, lost: readonly string[]): KubeObject {
  const text = textOf(configMap) ?? '';
  const names = lost.toSorted();
  const annotations = {
    ...configMap.metadata.annotations,
    [HASH_ANNOTATION]: hash8(text),
    ...(names.length > 0 ? { [LOST_ANNOTATION]: names.join(',') } : {}),
  };
  return { ...configMap, metadata: { ...configMap.metadata, annotations } };
}

function textOf(configMap: { [field: string]: unknown } | undefined): string | undefined {
  return (configMap?.data as Record<string, string> | undefined)?.[TRAFFIC_TABLE_FILE];
}

function parsed(text: string): TrafficTable | undefined {
  try {
    return trafficTable.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
