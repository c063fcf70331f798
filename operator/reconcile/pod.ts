/** What is kept of a pod: what the plan and the status look at, and nothing else. */
import type { StoredObject } from '../kube/object.ts';

export interface ContainerState {
  waiting?: { reason?: string; message?: string };
  running?: { startedAt?: string };
  terminated?: { exitCode: number; reason?: string; message?: string; finishedAt?: string };
}

export interface ContainerStatus {
  name: string;
  ready: boolean;
  restartCount: number;
  state?: ContainerState;
  lastState?: ContainerState;
}

export interface PodCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export interface Pod extends StoredObject {
  spec: { nodeName?: string };
  status: {
    phase?: string;
    podIP?: string;
    reason?: string;
    message?: string;
    conditions?: PodCondition[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

export function isReady(pod: Pod): boolean {
  if (pod.metadata.deletionTimestamp) return false;
  return pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** Longest message that is kept: a termination message may have 4 KiB. */
const MESSAGE_LENGTH = 4_096;

/** For the informer of pods: drops what nobody looks at, so that a thousand pods fit in little memory. */
export function slimPod(object: StoredObject): Pod {
  const { metadata, spec, status } = object as Pod;
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels, annotations } = metadata;
  const { phase, podIP, reason, message, conditions, containerStatuses, initContainerStatuses } = status ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      creationTimestamp,
      ...(deletionTimestamp ? { deletionTimestamp } : {}),
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(metadata.ownerReferences ? { ownerReferences: metadata.ownerReferences } : {}),
    },
    spec: spec?.nodeName ? { nodeName: spec.nodeName } : {},
    status: {
      ...(phase ? { phase } : {}),
      ...(podIP ? { podIP } : {}),
      ...(reason ? { reason } : {}),
      ...(message ? { message: message.slice(0, MESSAGE_LENGTH) } : {}),
      ...(conditions ? { conditions: conditions.map(slimCondition) } : {}),
      ...(containerStatuses ? { containerStatuses: containerStatuses.map(slimContainer) } : {}),
      ...(initContainerStatuses ? { initContainerStatuses: initContainerStatuses.map(slimContainer) } : {}),
    },
  };
}

function slimCondition({ type, status, reason, message, lastTransitionTime }: PodCondition): PodCondition {
  return {
    type,
    status,
    ...(reason ? { reason } : {}),
    ...(message ? { message: message.slice(0, MESSAGE_LENGTH) } : {}),
    ...(lastTransitionTime ? { lastTransitionTime } : {}),
  };
}

function slimContainer({ name, ready, restartCount, state, lastState }: ContainerStatus): ContainerStatus {
  return { name, ready, restartCount, ...(state ? { state } : {}), ...(lastState ? { lastState } : {}) };
}
