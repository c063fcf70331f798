/** Everything that a pass decides on, read from the caches in one place. */
import type { TrafficTable } from '../../api/traffic-table.ts';
import { controllerOf, type ObjectKey, type StoredObject } from '../kube/object.ts';
import { tableName, versionName } from '../render/names.ts';
import type { Caches } from './caches.ts';
import { endpointsOf } from './endpoint-slice.ts';
import type { KeyMemory } from './key-memory.ts';
import type { Pod } from './pod.ts';
import { type Revision, revisionsOf } from './revision.ts';
import { type StoredDeployment, type StoredModelDeployment, versionOf } from './stored.ts';
import { lostTable, lostVersions, storedTable } from './traffic.ts';

export interface Gathered {
  md: StoredModelDeployment;
  /** Newest first. */
  revisions: Revision[];
  /** Objects of this ModelDeployment, and those that only say that they are. */
  owned: readonly StoredObject[];
  /** By version; only those of this ModelDeployment. */
  deployments: ReadonlyMap<string, StoredDeployment>;
  pods: ReadonlyMap<string, readonly Pod[]>;
  /** The table that is to be in force; undefined before the first. */
  table: TrafficTable | undefined;
  /** It is not what the ConfigMap holds, which is gone or was written by somebody else: pods may follow another one. */
  restored: boolean;
  /** Versions that lost traffic, as the ConfigMap tells. */
  lost: readonly string[];
  publicService: StoredObject | undefined;
  /** Ready endpoints by the name of the Service; undefined where that is not known. */
  endpoints?: ReadonlyMap<string, number> | undefined;
}

/** @param wall ms since 1970 */
export function gather(
  caches: Caches,
  key: ObjectKey & { text: string },
  md: StoredModelDeployment,
  memory: KeyMemory,
  wall: number,
): Gathered {
  const { uid } = md.metadata;
  const owned = caches.ownedBy(key.text);
  const mine = owned.filter((object) => controllerOf(object)?.uid === uid);
  const configMap = mine.find((o) => o.kind === 'ConfigMap' && o.metadata.name === tableName(key.name));
  const stored = storedTable(configMap);
  const slices = caches.slicesOf(key.text);
  return {
    md,
    revisions: revisionsOf(caches.revisions.indexed(key.text), uid),
    owned,
    deployments: byVersion(mine.filter(({ kind }) => kind === 'Deployment') as StoredDeployment[]),
    pods: podsByVersion(caches.pods.indexed(key.text).filter((pod) => isOf(pod, md))),
    table: stored ?? lostTable(configMap, memory.table, md, wall),
    restored: stored === undefined,
    lost: configMap ? lostVersions(configMap) : Object.keys(memory.plan?.lost ?? {}),
    publicService: mine.find((o) => o.kind === 'Service' && o.metadata.name === key.name),
    endpoints: slices && endpointsOf(slices),
  };
}

function byVersion<T extends StoredObject>(objects: readonly T[]): Map<string, T> {
  const found = new Map<string, T>();
  for (const object of objects) {
    const version = versionOf(object);
    if (version !== undefined) found.set(version, object);
  }
  return found;
}

/** Whether anything of a version is there: also pods that the deletion of their Deployment has not reached yet. */
export function isThere({ deployments, pods }: Gathered, version: string): boolean {
  return deployments.has(version) || (pods.get(version) ?? []).some(({ metadata }) => !metadata.deletionTimestamp);
}

/**
 * Whether the pod is of a Deployment of this ModelDeployment. Labels alone don't say so: a hand may have copied them, and
 * for a while pods bear them whose ModelDeployment of the same name was deleted. They may serve another model.
 */
function isOf(pod: Pod, { metadata: { name, creationTimestamp } }: StoredModelDeployment): boolean {
  const version = versionOf(pod);
  const owner = controllerOf(pod);
  return (
    version !== undefined &&
    owner?.kind === 'ReplicaSet' &&
    owner.name.startsWith(`${versionName(name, version)}-`) &&
    pod.metadata.creationTimestamp >= creationTimestamp
  );
}

function podsByVersion(pods: readonly Pod[]): Map<string, Pod[]> {
  const found = new Map<string, Pod[]>();
  for (const pod of pods.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const version = versionOf(pod);
    // What has ended serves nobody and waits for nothing.
    if (version === undefined || pod.status.phase === 'Succeeded') continue;
    const list = found.get(version);
    if (list) list.push(pod);
    else found.set(version, [pod]);
  }
  return found;
}
