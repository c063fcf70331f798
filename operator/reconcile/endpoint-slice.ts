/** What is kept of an EndpointSlice: for whom it is, and how many in it take requests. */
import type { StoredObject } from '../kube/object.ts';

export interface StoredSlice extends StoredObject {
  service: string;
  ready: number;
}

interface RawSlice extends StoredObject {
  endpoints?: { conditions?: { ready?: boolean } }[] | null;
}

const SERVICE_LABEL = 'kubernetes.io/service-name';

export function slimSlice(object: StoredObject): StoredSlice {
  const { apiVersion, kind, metadata, endpoints } = object as RawSlice;
  const { name, namespace, uid, resourceVersion, creationTimestamp, labels } = metadata;
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp, labels } as StoredObject['metadata'],
    service: labels?.[SERVICE_LABEL] ?? '',
    // Ready when it is not said, as the API has it.
    ready: (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).length,
  };
}

/** Ready endpoints by the name of the Service. */
export function endpointsOf(slices: readonly StoredSlice[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { service, ready } of slices) counts.set(service, (counts.get(service) ?? 0) + ready);
  return counts;
}
