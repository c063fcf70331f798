/** What a rendered Kubernetes object is, and the one order in which its keys are written. */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller: true;
  blockOwnerDeletion: true;
}

/** A type, not an interface: it may go where any fields are taken. */
export type Metadata = {
  name: string;
  namespace?: string | undefined;
  labels?: Record<string, string> | undefined;
  annotations?: Record<string, string> | undefined;
  ownerReferences?: OwnerReference[] | undefined;
};

/** An object as the API server takes it. `spec` and the like are checked by the API server, not by types of ours. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  [field: string]: unknown;
}

const FIRST = ['apiVersion', 'kind', 'metadata', 'name', 'namespace'];

/**
 * The same value with what is undefined left out and keys in one order (what names the thing first, the rest by
 * alphabet), so that equal objects are equal text. Lists keep their order.
 */
export function canonical<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => canonical(item)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map(([key, inner]) => [key, canonical(inner)]);
  return Object.fromEntries(entries) as T;
}

function rank(key: string): number {
  const index = FIRST.indexOf(key);
  return index === -1 ? FIRST.length : index;
}
