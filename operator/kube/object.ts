/** Kubernetes objects as plain JSON, and how they are named. */

/** An object as it is sent. What is below `metadata` is checked by the API server, not by types of ours. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string | undefined; [field: string]: unknown };
  [field: string]: unknown;
}

/** An object as the API server stores it. */
export interface StoredObject extends Manifest {
  metadata: StoredMetadata;
}

export interface StoredMetadata {
  name: string;
  namespace?: string | undefined;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string; controller?: boolean }[];
  [field: string]: unknown;
}

/** A kind of object and where the API server serves it. */
export interface Resource {
  /** `v1`, `apps/v1`. */
  apiVersion: string;
  kind: string;
  /** As in the URL: `deployments`. */
  plural: string;
  namespaced: boolean;
}

export interface ObjectKey {
  namespace?: string | undefined;
  name: string;
}

/** `NAMESPACE/NAME`, or `NAME` of what has no namespace. */
export function keyText({ namespace, name }: ObjectKey): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** The inverse of `keyText`. */
export function parseKey(text: string): ObjectKey {
  const slash = text.indexOf('/');
  return slash === -1 ? { name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** The owner that manages the object, if any. */
export function controllerOf({ metadata }: StoredObject) {
  return metadata.ownerReferences?.find(({ controller }) => controller);
}
