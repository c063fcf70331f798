/** What is looked at of the objects that are read. All of it may be missing: an API server gives what it stored. */
import type { ModelDeploymentSpec } from '../../api/model-deployment.ts';
import type { Serving } from '../../api/serving.ts';
import type { Status } from '../../api/status.ts';
import type { StoredObject } from '../../operator/kube/object.ts';
import { VERSION_LABEL } from '../../operator/render/labels.ts';

export interface ModelDeploymentObject extends StoredObject {
  spec: ModelDeploymentSpec;
  status?: Status;
}

export interface ObjectCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

export interface DeploymentObject extends StoredObject {
  spec?: { replicas?: number };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    conditions?: ObjectCondition[];
  };
}

export interface ServiceObject extends StoredObject {
  spec?: { clusterIP?: string; selector?: Record<string, string> };
}

export interface EndpointSliceObject extends StoredObject {
  endpoints?: { conditions?: { ready?: boolean } }[];
}

export interface AutoscalerObject extends StoredObject {
  spec?: { minReplicas?: number; maxReplicas?: number };
  status?: { currentReplicas?: number; desiredReplicas?: number; conditions?: ObjectCondition[] };
}

export interface BudgetObject extends StoredObject {
  spec?: { maxUnavailable?: number | string; minAvailable?: number | string };
  status?: { disruptionsAllowed?: number };
}

export interface ConfigMapObject extends StoredObject {
  data?: Record<string, string>;
}

/** A ControllerRevision: one accepted change of the split. */
export interface RevisionObject extends StoredObject {
  revision?: number;
  data?: {
    spec?: ModelDeploymentSpec;
    /** Versions that the spec no longer lists and that still serve. */
    leaving?: { name: string; model: { uri: string }; serving: Serving }[];
  };
}

/** Of the core API. */
export interface EventObject extends StoredObject {
  type?: string;
  reason?: string;
  message?: string;
  involvedObject?: { apiVersion?: string; kind?: string; namespace?: string; name?: string; uid?: string };
  eventTime?: string | null;
  series?: { count: number; lastObservedTime: string } | null;
  count?: number;
  lastTimestamp?: string | null;
}

/** Whether the ModelDeployment, this very one and not one of the same name before it, owns the object. */
export function ownedBy(object: StoredObject, uid: string): boolean {
  return object.metadata.ownerReferences?.some((owner) => owner.uid === uid) ?? false;
}

export function versionOf({ metadata }: StoredObject): string | undefined {
  return metadata.labels?.[VERSION_LABEL];
}

export function byName(a: StoredObject, b: StoredObject): number {
  const at = ({ metadata: { namespace = '', name } }: StoredObject) => `${namespace}/${name}`;
  return at(a) < at(b) ? -1 : 1;
}

/** Without what only the API server's bookkeeping needs, which is most of an object. */
export function tidy<T extends StoredObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
