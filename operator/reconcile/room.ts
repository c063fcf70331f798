/** Whether the cluster has a free place for one pod more of a version; asked of versions that fill the GPUs they run on. */
import type { Serving } from '../../api/serving.ts';
import { isReady, type Pod } from './pod.ts';
import { isUpdating, type StoredDeployment } from './stored.ts';

/**
 * `none` while the pod of an update finds no place and others of the version run, until that update is over: then the
 * Deployment takes a pod away before it starts another. Undefined: not known.
 */
export function roomFor(
  { gpu }: Serving,
  deployment: StoredDeployment | undefined,
  pods: readonly Pod[],
): 'none' | undefined {
  if (!gpu || gpu.shared || !deployment) return undefined;
  const updating = isUpdating(deployment);
  const inPlace = String(deployment.spec.strategy?.rollingUpdate?.maxSurge) === '0';
  if (inPlace && updating) return 'none';
  const waits = pods.some((pod) => isUnschedulable(pod));
  return waits && updating && pods.some(isReady) ? 'none' : undefined;
}

export function isUnschedulable({ status, metadata }: Pod): boolean {
  if (metadata.deletionTimestamp) return false;
  const scheduled = status.conditions?.find(({ type }) => type === 'PodScheduled');
  return scheduled?.status === 'False' && scheduled.reason === 'Unschedulable';
}
