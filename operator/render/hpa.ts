/** The HorizontalPodAutoscaler of a version. */
import type { AutoscalingMetric } from '../../api/autoscaling.ts';
import { autoscalingMetrics } from '../../api/effective.ts';
import { CONTAINER } from './container.ts';
import { metadata, type PlannedVersion, pathOf, type RenderProblem, type Subject } from './input.ts';
import { versionName } from './names.ts';
import type { KubeObject } from './objects.ts';
import { canonicalQuantity } from './quantity.ts';

/** None for a fixed size, and none at 0 replicas, which an autoscaler would not leave alone. */
export function autoscaler(subject: Subject, version: PlannedVersion): KubeObject | undefined {
  const { autoscaling } = version.serving;
  const metrics = autoscalingMetrics(version.serving);
  if (!autoscaling || !metrics || version.replicas === 0) return undefined;
  const name = versionName(subject.model, version.name);
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: metadata(subject, name, version.name),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: version.replicas,
      maxReplicas: Math.max(autoscaling.max, version.replicas),
      metrics: metrics.map(metricSpec),
      behavior: autoscaling.behavior,
    },
  };
}

function metricSpec(metric: AutoscalingMetric): object {
  if (metric.cpu !== undefined) return utilization('cpu', metric.cpu);
  if (metric.memory !== undefined) return utilization('memory', metric.memory);
  if (metric.pods) {
    const { metric: name, averageValue } = metric.pods;
    return {
      type: 'Pods',
      pods: { metric: { name }, target: { type: 'AverageValue', averageValue: canonicalQuantity(averageValue) } },
    };
  }
  if (!metric.external) throw new TypeError('a metric is exactly one of cpu, memory, pods, external');
  const { metric: name, selector, value, averageValue } = metric.external;
  const target =
    value === undefined
      ? { type: 'AverageValue', averageValue: canonicalQuantity(averageValue ?? 0) }
      : { type: 'Value', value: canonicalQuantity(value) };
  return { type: 'External', external: { metric: { name, selector }, target } };
}

/** Of our container, not of the pod: an injected sidecar without requests would make the pod's utilization unknown. */
function utilization(name: 'cpu' | 'memory', averageUtilization: number): object {
  const target = { type: 'Utilization', averageUtilization };
  return { type: 'ContainerResource', containerResource: { name, container: CONTAINER, target } };
}

/** Utilization is of what is requested: without a request the autoscaler only ever says that it does not know. */
export function autoscalingProblems(version: PlannedVersion): RenderProblem[] {
  const { resources } = version.serving;
  return (['cpu', 'memory'] as const)
    .filter((name) => autoscalingMetrics(version.serving)?.some((metric) => metric[name] !== undefined))
    .filter((name) => resources?.requests?.[name] === undefined && resources?.limits?.[name] === undefined)
    .map((name) => ({
      severity: 'warning',
      reason: 'NothingRequested',
      message:
        `${version.name} scales on ${name}, in percent of what is requested, and requests none: ` +
        `give serving.resources.requests.${name}, or it stays at ${version.replicas}`,
      path: pathOf(version.name, `serving.resources.requests.${name}`),
    }));
}
