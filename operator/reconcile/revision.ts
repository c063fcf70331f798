/** The history of a ModelDeployment: each accepted spec as a ControllerRevision, so that it outlives the next edit. */
import { createHash } from 'node:crypto';
import { API_VERSION, KIND, type ModelDeploymentSpec, type Version } from '../../api/model-deployment.ts';
import type { Serving } from '../../api/serving.ts';
import { controllerOf, type Manifest, type StoredObject } from '../kube/object.ts';
import { metadata } from '../render/input.ts';
import { canonical } from '../render/objects.ts';
import type { StoredModelDeployment } from './stored.ts';

/** Revisions that are kept; the one that counts is always among them. */
export const HISTORY_LIMIT = 10;

/** When the spec of a revision was taken last, RFC 3339: a revert takes an old one again. */
export const ACCEPTED_AT_ANNOTATION = 'modelship.dev/accepted-at';

/** A version that the spec no longer lists and that may still serve: what it takes to go on running it. */
export interface LeavingVersion {
  name: string;
  model: { uri: string; sha256?: string | undefined };
  /** Its pods are told of them: to forget them would replace these. */
  golden?: Version['golden'];
  /** Effective: override and ModelDeployment merged. */
  serving: Serving;
}

export interface RevisionData {
  spec: ModelDeploymentSpec;
  leaving: LeavingVersion[];
}

export interface Revision {
  name: string;
  /** Grows with every change that is taken. */
  revision: number;
  data: RevisionData;
  object: StoredObject;
}

/** Those of one ModelDeployment, newest first. @param uid of the ModelDeployment */
export function revisionsOf(objects: readonly StoredObject[], uid: string): Revision[] {
  return objects
    .filter((object) => controllerOf(object)?.uid === uid && !object.metadata.deletionTimestamp && isData(object.data))
    .map((object) => ({
      name: object.metadata.name,
      revision: Number(object.revision) || 0,
      data: object.data as RevisionData,
      object,
    }))
    .sort((a, b) => b.revision - a.revision);
}

function isData(data: unknown): boolean {
  const { spec, leaving } = (data ?? {}) as Partial<RevisionData>;
  return Array.isArray(spec?.versions) && Array.isArray(leaving);
}

/** The data of a ControllerRevision is immutable, so the name stands for it: the same spec again is the same object. */
export function revisionName(model: string, data: RevisionData): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(canonical(data)))
    .digest('hex')
    .slice(0, 10);
  return `${model}-${hash}`;
}

export function revisionObject(
  md: StoredModelDeployment,
  data: RevisionData,
  revision: number,
  acceptedAt: string,
): Manifest {
  const { name, namespace, uid } = md.metadata;
  const owner = { apiVersion: API_VERSION, kind: KIND, name, uid, controller: true, blockOwnerDeletion: true } as const;
  const meta = metadata({ model: name, namespace, owner }, revisionName(name, data));
  return canonical({
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: { ...meta, annotations: { [ACCEPTED_AT_ANNOTATION]: acceptedAt } },
    revision,
    data,
  });
}

/** Those beyond the limit, oldest last. @param revisions newest first */
export function surplus(revisions: readonly Revision[]): Revision[] {
  return revisions.slice(HISTORY_LIMIT);
}
