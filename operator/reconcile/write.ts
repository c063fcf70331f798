/** Writes objects as they are wanted, upon what is ours or where there is nothing: never upon somebody else's. */
import type { KubeClient } from '../kube/client.ts';
import { KubeError } from '../kube/error.ts';
import type { Log } from '../kube/log.ts';
import { controllerOf, type StoredObject } from '../kube/object.ts';
import { FIELD_MANAGER } from '../render/deployment.ts';
import type { Caches } from './caches.ts';
import type { Apply } from './changes.ts';
import { firstDifference } from './difference.ts';
import type { KeyMemory } from './key-memory.ts';
import { resourceOf } from './resources.ts';
import type { StoredModelDeployment } from './stored.ts';

export interface Hand {
  client: KubeClient;
  caches: Caches;
  log: Log;
}

/** Objects of a ModelDeployment that are written at a time: it may have many versions, and others write, too. */
const SIDE_BY_SIDE = 4;

export interface Written {
  id: string;
  /** Somebody else's object that has the name. */
  foreign?: StoredObject | undefined;
  failed?: KubeError;
}

/** @returns in the order of `due`; once the namespace is said to go, only what was begun before */
export async function writeAll(due: readonly Apply[], md: StoredModelDeployment, memory: KeyMemory, hand: Hand) {
  const written: Written[] = [];
  let next = 0;
  let ending = false;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < due.length && !ending; at = next++) {
      written[at] = await write(due[at] as Apply, md, memory, hand);
      ending ||= written[at]?.failed?.code === 'NamespaceTerminating';
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane));
  return written;
}

async function write(one: Apply, md: StoredModelDeployment, memory: KeyMemory, hand: Hand): Promise<Written> {
  const { id, object, stored } = one;
  try {
    const uid = stored?.metadata.uid;
    if (uid !== undefined) {
      await apply(one, { uid }, memory, hand);
      return { id };
    }
    const foreign = await create(one, md, memory, hand);
    return { id, foreign: foreign && { ...foreign, kind: object.kind } };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return { id, failed: error };
  }
}

/**
 * No object has it. An apply that names a resourceVersion makes an object that is not there, and is refused with a Conflict
 * where one is: whoever has taken the name, at whatever moment, is not written to.
 */
const NOT_THERE = '1';

/**
 * Writes an object that the cache does not have, which does not say that it is not there: what bears no label of ours is
 * not watched.
 * @returns somebody else's object that has the name
 */
async function create(one: Apply, md: StoredModelDeployment, memory: KeyMemory, hand: Hand) {
  try {
    return await apply(one, { resourceVersion: NOT_THERE }, memory, hand);
  } catch (error) {
    if (!(error instanceof KubeError && (error.code === 'Conflict' || error.code === 'Invalid'))) throw error;
    const stored = await hand.client.get(resourceOf(one.object), one.object.metadata, { metadataOnly: true });
    if (!stored) throw error;
    if (controllerOf(stored)?.uid !== md.metadata.uid) return stored;
    return apply(one, { uid: stored.metadata.uid }, memory, hand);
  }
}

/** @param only the object that it is to fall upon, and no other that took the name in the meantime */
async function apply(
  { id, object, hash, why }: Apply,
  only: { uid: string } | { resourceVersion: string },
  memory: KeyMemory,
  hand: Hand,
): Promise<undefined> {
  hand.log.debug({ object: id, why }, 'applying');
  const body = { ...object, metadata: { ...object.metadata, ...only } };
  const result = await hand.client.apply(resourceOf(object), body, { manager: FIELD_MANAGER, force: true });
  hand.caches.of(object.kind)?.wrote(result);
  const { resourceVersion, generation } = result.metadata;
  if (firstDifference(object, result) === undefined) memory.settled.delete(id);
  else memory.settled.set(id, { hash, resourceVersion, generation });
}
