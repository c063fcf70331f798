/** Our own kinds and Kubernetes' as they come out of a cache, with the fields that are read. */
import type { ModelDeploymentSpec } from '../../api/model-deployment.ts';
import type { Status } from '../../api/status.ts';
import { keyText, type ObjectKey, type StoredObject } from '../kube/object.ts';
import { MODEL_LABEL, VERSION_LABEL } from '../render/labels.ts';

export interface StoredModelDeployment extends StoredObject {
  spec: ModelDeploymentSpec;
  status?: Status;
}

export interface StoredDeployment extends StoredObject {
  spec: { replicas?: number; strategy?: { rollingUpdate?: { maxSurge?: number | string } } };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
  };
}

/** The ModelDeployment that an object says it belongs to, as `NAMESPACE/NAME`; undefined when it says nothing. */
export function modelKeyOf({ metadata }: StoredObject): string | undefined {
  const name = metadata.labels?.[MODEL_LABEL];
  return name === undefined ? undefined : keyText({ namespace: metadata.namespace, name });
}

export function versionOf({ metadata }: StoredObject): string | undefined {
  return metadata.labels?.[VERSION_LABEL];
}

/** `Service models/digits`: an object of any kind, in a map. */
export function objectId(kind: string, key: ObjectKey): string {
  return `${kind} ${keyText(key)}`;
}

/** Whether pods of it are being replaced or added, or may be: its controller has not looked at the newest spec. */
export function isUpdating({ metadata, spec, status }: StoredDeployment): boolean {
  return (
    (status?.observedGeneration ?? 0) < (metadata.generation ?? 0) ||
    (status?.updatedReplicas ?? 0) < (spec.replicas ?? 1) ||
    (status?.replicas ?? 0) > (status?.updatedReplicas ?? 0)
  );
}
