/** From the objects that must be and those that are to what has to be written. Pure. */
import { createHash } from 'node:crypto';
import { controllerOf, type StoredObject } from '../kube/object.ts';
import type { Scale } from '../render/deployment.ts';
import type { KubeObject } from '../render/objects.ts';
import { firstDifference } from './difference.ts';
import type { Gathered } from './gather.ts';
import type { KeyMemory } from './key-memory.ts';
import { isUpdating, objectId, type StoredDeployment, versionOf } from './stored.ts';

/** The hash of what was applied, so that what is not wanted any more is noticed: it is not in what is compared. */
export const APPLIED_ANNOTATION = 'modelship.dev/applied';

export interface Wanted {
  id: string;
  object: KubeObject;
  hash: string;
}

export interface Apply extends Wanted {
  /** Undefined when the cache has none: somebody else's may be there under the name. */
  stored: StoredObject | undefined;
  /** For the log. */
  why: string;
}

export interface Changes {
  /** In the order in which they are told; written by stage. */
  applies: Apply[];
  scales: { id: string; scale: Scale; stored: StoredDeployment | undefined }[];
  prunes: StoredObject[];
  /** Names that somebody else's objects have. */
  taken: StoredObject[];
}

/** Objects with the hash of what they are. */
export function wantedObjects(objects: readonly KubeObject[]): Wanted[] {
  return objects.map((object) => {
    const hash = createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16);
    const annotations = { ...object.metadata.annotations, [APPLIED_ANNOTATION]: hash };
    const marked = { ...object, metadata: { ...object.metadata, annotations } };
    return { id: objectId(object.kind, object.metadata), object: marked, hash };
  });
}

export function changesOf(
  wanted: readonly Wanted[],
  scales: readonly Scale[],
  gathered: Gathered,
  settled: KeyMemory['settled'],
): Changes {
  const { uid } = gathered.md.metadata;
  const stored = new Map(gathered.owned.map((object) => [objectId(object.kind, object.metadata), object]));
  const changes: Changes = { applies: [], scales: [], prunes: [], taken: [] };
  for (const one of wanted) {
    const there = stored.get(one.id);
    if (there && controllerOf(there)?.uid !== uid) changes.taken.push(there);
    // What is on its way out cannot be mended; its end is an event.
    else if (!there?.metadata.deletionTimestamp) {
      const why = reasonToApply(one, there, settled);
      if (why !== undefined) changes.applies.push({ ...one, stored: there, why });
    }
  }
  for (const scale of scales) {
    const id = objectId('Deployment', scale.object.metadata);
    const there = stored.get(id) as StoredDeployment | undefined;
    const mine = there && controllerOf(there)?.uid === uid && !there.metadata.deletionTimestamp;
    if (there ? mine && needsScale(scale, there) : !changes.taken.some((o) => objectId(o.kind, o.metadata) === id)) {
      changes.scales.push({ id, scale, stored: there });
    }
  }
  const changing = new Set(changes.applies.map(({ id }) => id));
  changes.prunes = gathered.owned.filter((object) => isSurplus(object, wanted, changing, gathered));
  return changes;
}

function reasonToApply(one: Wanted, there: StoredObject | undefined, settled: KeyMemory['settled']) {
  if (!there) return 'missing';
  if (there.metadata.annotations?.[APPLIED_ANNOTATION] !== one.hash) return 'changed';
  const path = firstDifference(one.object, there);
  if (path === undefined) return undefined;
  const last = settled.get(one.id);
  return last?.hash === one.hash && isSame(last, there) ? undefined : `differs at ${path}`;
}

/** Where an object counts its generations, its status may move on without its spec. */
function isSame(
  last: { resourceVersion: string; generation: number | undefined },
  { metadata }: StoredObject,
): boolean {
  if (last.generation !== undefined) return last.generation === metadata.generation;
  return last.resourceVersion === metadata.resourceVersion;
}

/** An autoscaler lets a Deployment that a hand brought to 0 alone, so nobody else would bring it back. */
function needsScale({ mode, object }: Scale, { spec }: StoredDeployment): boolean {
  const { replicas } = object.spec as { replicas: number };
  const now = spec.replicas ?? 1;
  return mode === 'hold' ? now !== replicas : now === 0;
}

/** Ours, and not wanted. The template of a claim stays while pods of the Deployment before may still be made from it. */
function isSurplus(
  object: StoredObject,
  wanted: readonly Wanted[],
  changing: ReadonlySet<string>,
  { md, deployments }: Gathered,
): boolean {
  if (controllerOf(object)?.uid !== md.metadata.uid || object.metadata.deletionTimestamp) return false;
  const id = objectId(object.kind, object.metadata);
  if (wanted.some((one) => one.id === id)) return false;
  if (object.kind !== 'ResourceClaimTemplate') return true;
  const version = versionOf(object);
  const user = version === undefined ? undefined : deployments.get(version);
  return !user || !(isUpdating(user) || changing.has(objectId('Deployment', user.metadata)));
}
