/** How the Prometheus operator finds the metrics of a model. Rendered when switched on, where it is installed. */
import { metadata, type RenderOptions, type Subject } from './input.ts';
import { MODEL_LABEL, selector, VERSION_LABEL } from './labels.ts';
import type { KubeObject } from './objects.ts';
import { ADMIN } from './ports.ts';

export const MONITORING_API = 'monitoring.coreos.com/v1';

export function podMonitor(subject: Subject, options: NonNullable<RenderOptions['podMonitor']>): KubeObject {
  const meta = metadata(subject, subject.model);
  return {
    apiVersion: MONITORING_API,
    kind: 'PodMonitor',
    metadata: { ...meta, labels: { ...options.labels, ...meta.labels } },
    spec: {
      selector: { matchLabels: selector(subject.model) },
      podTargetLabels: [MODEL_LABEL, VERSION_LABEL],
      podMetricsEndpoints: [{ port: ADMIN.name, path: '/metrics', interval: options.interval }],
    },
  };
}
