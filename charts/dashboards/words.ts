/** What more than one dashboard says: colours of states, and queries that need thought. */
import type { Mapping } from './panel.ts';
import { rate, share } from './promql.ts';

export const SECONDS_OF_REQUESTS = 'modelship_request_duration_seconds';

export const READY: Mapping = {
  True: ['True', 'green'],
  False: ['False', 'red'],
  Unknown: ['Unknown', 'orange'],
};

export const PHASES: Mapping = {
  Progressing: ['Progressing', 'blue'],
  Paused: ['Paused', 'orange'],
  Completed: ['Completed', 'green'],
  RolledBack: ['RolledBack', 'red'],
  Aborted: ['Aborted', 'purple'],
};

/** Share of requests that were refused for want of room. @param labels that are selected */
export const refusedOf = (labels: string, by: readonly string[]): string =>
  share(
    rate(`modelship_requests_total{${labels},code=~"429|503"}`, ...by),
    rate(`modelship_requests_total{${labels}}`, ...by),
  );

/**
 * Share of time that the threads which run the model spend in it. Where no worker does, each process does itself; a
 * replica of one process has no `modelship_processes`.
 */
export const BUSY = (labels: string, by: readonly string[]): string => {
  const pod = [...new Set([...by, 'namespace', 'pod'])].join(', ');
  const lanes = `clamp_min(max by (${pod}) ({__name__=~"modelship_execution_workers|modelship_processes",${labels}}), 1)`;
  return `${rate(`modelship_compute_duration_seconds_sum{${labels}}`, ...by)} / sum by (${by.join(', ')}) (${lanes})`;
};

/**
 * A metric of dcgm-exporter with the labels of the runtime's pods. Where Prometheus does not honour its labels, the pod
 * that has the GPU is called `exported_pod`.
 */
const ofPods = (metric: string, runtime: string): string => {
  const pod = `label_replace(${metric}, "pod", "$1", "exported_pod", "(.+)")`;
  const gpu = `label_replace(${pod}, "namespace", "$1", "exported_namespace", "(.+)")`;
  const pods = `max by (namespace, pod, modelship_dev_model, modelship_dev_version) (modelship_info${runtime})`;
  return `${gpu} * on (namespace, pod) group_left (modelship_dev_model, modelship_dev_version) ${pods}`;
};

/** @param runtime selector of the pods, in braces */
export const DCGM_UTILIZATION = (runtime: string): string => ofPods('DCGM_FI_DEV_GPU_UTIL', runtime);
export const DCGM_MEMORY = (runtime: string): string => `${ofPods('DCGM_FI_DEV_FB_USED', runtime)} * 1048576`;
export const DCGM_POWER = (runtime: string): string => ofPods('DCGM_FI_DEV_POWER_USAGE', runtime);
export const DCGM_TEMPERATURE = (runtime: string): string => ofPods('DCGM_FI_DEV_GPU_TEMP', runtime);

/** What the operator says of the ModelDeployment that is chosen, and of its chosen versions. */
export const OF_MODEL = '{namespace="$namespace",name="$modeldeployment"}';
export const ofModel = (more: string): string => `{namespace="$namespace",name="$modeldeployment",${more}}`;

/** Its pods, by the labels that the PodMonitor adds: whose version the pod is. */
export const POD_LABELS =
  'namespace="$namespace",modelship_dev_model="$modeldeployment",modelship_dev_version=~"$version"';
export const POD = `{${POD_LABELS}}`;
export const VERSION = '{{modelship_dev_version}}';

/** What its pods, whosever they are, say of a version. */
export const onVersion = (more = ''): string =>
  `{namespace="$namespace",modelship_dev_model="$modeldeployment",version=~"$version"${more && `,${more}`}}`;
