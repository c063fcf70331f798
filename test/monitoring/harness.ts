/**
 * What the Prometheus operator makes of a PodMonitor and a ServiceMonitor, by hand: jobs for targets that the test knows,
 * with the very labels that its relabelling gives (prometheus-operator `pkg/prometheus/promcfg.go`).
 */
import type { KubeObject } from '../../operator/render/objects.ts';
import type { ScrapeJob, TargetGroup } from './prometheus.ts';

interface Endpoint {
  port: string;
  path?: string;
  honorLabels?: boolean;
}

interface Spec {
  podTargetLabels?: string[];
  podMetricsEndpoints?: Endpoint[];
  endpoints?: Endpoint[];
}

export interface PodTarget {
  /** `HOST:PORT` of its metrics. A container that comes up anew has another one here, and the same in a cluster. */
  address: string;
  pod: string;
  container: string;
  labels: Readonly<Record<string, string>>;
}

/** The one endpoint of a monitor becomes a job. */
export function jobOf(monitor: KubeObject): ScrapeJob {
  const endpoint = endpointOf(monitor);
  const { kind } = monitor;
  const { namespace, name } = monitor.metadata;
  return {
    job_name: `${kind === 'PodMonitor' ? 'podMonitor' : 'serviceMonitor'}/${namespace}/${name}/0`,
    honor_labels: endpoint.honorLabels ?? false,
    metrics_path: endpoint.path ?? '/metrics',
    groups: [],
  };
}

/** Pods that a PodMonitor selects. */
export function podTargets(monitor: KubeObject, pods: readonly PodTarget[]): TargetGroup[] {
  const { namespace = '', name } = monitor.metadata;
  const { podTargetLabels = [] } = specOf(monitor);
  return pods.map(({ address, pod, container, labels }) => {
    const added = podTargetLabels.flatMap((label) => {
      const value = labels[label];
      return value === undefined ? [] : [[sanitized(label), value] as const];
    });
    const own = {
      instance: pod,
      namespace,
      container,
      pod,
      job: `${namespace}/${name}`,
      endpoint: endpointOf(monitor).port,
    };
    return { targets: [address], labels: { ...own, ...Object.fromEntries(added) } };
  });
}

/** Pods behind the Service that a ServiceMonitor selects. @param service its name */
export function serviceTargets(monitor: KubeObject, service: string, pods: readonly PodTarget[]): TargetGroup[] {
  const { namespace = '' } = monitor.metadata;
  const { port: endpoint } = endpointOf(monitor);
  return pods.map(({ address, pod, container }) => ({
    targets: [address],
    labels: { namespace, service, pod, container, job: service, endpoint },
  }));
}

function specOf(monitor: KubeObject): Spec {
  return (monitor as unknown as { spec: Spec }).spec;
}

function endpointOf(monitor: KubeObject): Endpoint {
  const { podMetricsEndpoints = [], endpoints = [] } = specOf(monitor);
  const [endpoint, ...others] = [...podMetricsEndpoints, ...endpoints];
  if (!endpoint || others.length > 0)
    throw new Error(`${monitor.kind} ${monitor.metadata.name}: one endpoint is expected`);
  return endpoint;
}

/** As Prometheus does with labels of Kubernetes. */
const sanitized = (label: string): string => label.replaceAll(/[^a-zA-Z0-9_]/g, '_');
