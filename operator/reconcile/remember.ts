/** Writes the history of a ModelDeployment, and keeps it short. */
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { KubeError } from '../kube/error.ts';
import { keyText } from '../kube/object.ts';
import { FIELD_MANAGER } from '../render/deployment.ts';
import type { Caches } from './caches.ts';
import type { Gathered } from './gather.ts';
import { REVISIONS } from './resources.ts';
import { type RevisionData, revisionObject, revisionsOf, surplus } from './revision.ts';

export interface Scribe {
  client: KubeClient;
  caches: Caches;
  clock: Clock;
}

/** Makes an accepted spec the newest revision; an old one that comes back gets a new number. @returns why it could not */
export async function remember(
  data: RevisionData,
  { md, revisions }: Gathered,
  { client, caches, clock }: Scribe,
): Promise<KubeError | undefined> {
  const number = (revisions[0]?.revision ?? 0) + 1;
  const object = revisionObject(md, data, number, new Date(clock.wall()).toISOString());
  try {
    caches.revisions.wrote(await client.apply(REVISIONS, object, { manager: FIELD_MANAGER, force: true }));
    return undefined;
  } catch (error) {
    if (error instanceof KubeError) return error;
    throw error;
  }
}

/** Deletes the oldest beyond the limit, with what was remembered just now. @returns what kept one from being deleted */
export async function keepHistory({ md }: Gathered, { client, caches }: Scribe): Promise<KubeError[]> {
  const errors: KubeError[] = [];
  const revisions = revisionsOf(caches.revisions.indexed(keyText(md.metadata)), md.metadata.uid);
  for (const { object } of surplus(revisions)) {
    const { uid, resourceVersion } = object.metadata;
    try {
      await client.delete(REVISIONS, object.metadata, { uid, resourceVersion });
      caches.revisions.removed(object.metadata, uid);
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      errors.push(error);
    }
  }
  return errors;
}
