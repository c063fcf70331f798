/** Scaling of a version between two bounds. */
import { z } from 'zod';
import { field, passthrough, quantity, withRules } from './fields.ts';

const metricName = () => z.string().min(1).max(253);

const podsMetric = z.strictObject({
  metric: field(metricName(), 'Name of a metric that every pod has.'),
  averageValue: field(quantity(), 'Mean over the pods to hold.', { unit: "the metric's own" }),
});

const externalMetric = withRules(
  z.strictObject({
    metric: field(metricName(), 'Name of a metric of the external metrics API.'),
    selector: field(passthrough().optional(), 'Label selector of the metric, as Kubernetes writes it.', {
      absent: 'every series of the metric',
    }),
    value: field(quantity().optional(), 'Value to hold.', {
      unit: "the metric's own",
      absent: '`averageValue` counts',
    }),
    averageValue: field(quantity().optional(), 'Value per pod to hold.', {
      unit: "the metric's own",
      absent: '`value` counts',
    }),
  }),
  [
    {
      cel: 'has(self.value) != has(self.averageValue)',
      message: 'give exactly one of value, averageValue',
      holds: (m) => (m.value === undefined) !== (m.averageValue === undefined),
    },
  ],
);

const utilization = () => z.int().min(1).max(1000).optional();

const metric = withRules(
  z.strictObject({
    cpu: field(utilization(), 'Mean CPU use to hold, of what is requested.', {
      unit: 'percent of the request',
      absent: 'CPU is not looked at',
    }),
    memory: field(utilization(), 'Mean memory use to hold, of what is requested.', {
      unit: 'percent of the request',
      absent: 'memory is not looked at',
    }),
    pods: field(podsMetric.optional(), 'A metric of the pods, from the custom metrics API.', { absent: 'none' }),
    external: field(externalMetric.optional(), 'A metric from outside the cluster, from the external metrics API.', {
      absent: 'none',
    }),
  }),
  [
    {
      cel: '[has(self.cpu), has(self.memory), has(self.pods), has(self.external)].filter(x, x).size() == 1',
      message: 'a metric is exactly one of cpu, memory, pods, external',
      holds: (m) => [m.cpu, m.memory, m.pods, m.external].filter((x) => x !== undefined).length === 1,
    },
  ],
);

export const autoscaling = withRules(
  z.strictObject({
    min: field(z.int().min(1).max(1000), 'Fewest replicas.', { unit: 'replicas' }),
    max: field(z.int().min(1).max(1000), 'Most replicas.', { unit: 'replicas' }),
    metrics: field(z.array(metric).min(1).max(8).optional(), 'What to scale on; the largest answer wins.', {
      default: [{ cpu: 80 }],
    }),
    behavior: field(
      passthrough().optional(),
      'Scaling speed and windows, as `behavior` of a HorizontalPodAutoscaler v2.',
      { absent: 'as the HorizontalPodAutoscaler has it' },
    ),
  }),
  [{ cel: 'self.min <= self.max', message: 'min must not be above max', holds: (a) => a.min <= a.max, path: ['min'] }],
);

export type AutoscalingMetric = z.output<typeof metric>;
