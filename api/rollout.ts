/** How the split moves from what is served now to what the spec asks for, and what must hold on the way. */
import { z } from 'zod';
import { duration, field, percent, withRules } from './fields.ts';

const step = z.strictObject({
  traffic: field(percent(), 'Requests moved so far, of all requests.', { unit: 'percent' }),
  hold: field(duration().optional(), 'How long to stay at this step once it is in force.', { default: '0s' }),
  approval: field(z.enum(['required']).optional(), 'Wait here until someone approves the step.', {
    absent: 'the walk goes on by itself',
  }),
});

const steps = withRules(z.array(step).min(1).max(32), [
  {
    cel: 'self.map(s, s.traffic).isSorted()',
    message: 'steps must not go down: give traffic in rising order',
    holds: (list) => list.every((s, i) => i === 0 || s.traffic >= (list[i - 1]?.traffic ?? 0)),
  },
]);

/** Metrics that pods measure themselves. */
export const CHECK_METRICS = [
  'error-rate',
  'latency-p50',
  'latency-p95',
  'latency-p99',
  'queue-p95',
  'queue-p99',
  'disagreement',
  'output-shift',
] as const;

const bound = { unit: 'fraction of requests; seconds for latencies', absent: 'not bounded so' };

const check = withRules(
  z.strictObject({
    metric: field(
      z.enum(CHECK_METRICS).optional(),
      'What is measured, canary against stable over the same window. Rates are fractions, latencies and times in the ' +
        'queue are seconds; `output-shift` is the total variation distance of the predictions, 0 to 1.',
      { absent: '`custom` or `prometheus` counts' },
    ),
    custom: field(
      z
        .string()
        .max(128)
        .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, 'expected the name of a Prometheus metric')
        .optional(),
      "A metric of the pods' own /metrics by name: a gauge's mean over the pods, a counter's increase a request, a " +
        "histogram's mean.",
      { absent: '`metric` or `prometheus` counts' },
    ),
    prometheus: field(z.string().min(1).max(4096).optional(), 'A PromQL query that gives one number.', {
      absent: '`metric` or `custom` counts',
    }),
    min: field(z.number().optional(), 'Least value that passes.', bound),
    max: field(z.number().optional(), 'Largest value that passes.', bound),
    maxRatio: field(
      z.number().min(0).optional(),
      "Largest ratio of the canary's value to the stable version's that passes.",
      { unit: 'canary per stable', absent: 'not bounded so' },
    ),
  }),
  [
    {
      cel: '[has(self.metric), has(self.custom), has(self.prometheus)].filter(x, x).size() == 1',
      message: 'a check is exactly one of metric, custom, prometheus',
      holds: (c) => [c.metric, c.custom, c.prometheus].filter((kind) => kind !== undefined).length === 1,
    },
    {
      cel: 'has(self.min) || has(self.max) || has(self.maxRatio)',
      message: 'a check needs min, max or maxRatio',
      holds: (c) => c.min !== undefined || c.max !== undefined || c.maxRatio !== undefined,
    },
    {
      cel: '!(has(self.min) && has(self.max)) || self.min <= self.max',
      message: 'no value passes: min is above max',
      holds: (c) => c.min === undefined || c.max === undefined || c.min <= c.max,
      path: ['min'],
    },
    {
      cel: '!(has(self.prometheus) && has(self.maxRatio))',
      message: 'maxRatio compares canary and stable; a prometheus check has no stable side',
      holds: (c) => c.prometheus === undefined || c.maxRatio === undefined,
      path: ['maxRatio'],
    },
    {
      cel: "!(has(self.metric) && self.metric in ['disagreement', 'output-shift'] && has(self.maxRatio))",
      message: 'disagreement and output-shift are between canary and stable already: give max instead of maxRatio',
      holds: (c) => !(c.metric === 'disagreement' || c.metric === 'output-shift') || c.maxRatio === undefined,
      path: ['maxRatio'],
    },
  ],
);

const compare = z.strictObject({
  outputs: field(z.array(z.string().min(1).max(256)).min(1).max(16).optional(), 'Outputs that are compared.', {
    absent: 'those of labels (integers, BYTES, BOOL) where the model has any, else all',
  }),
  absolute: field(z.number().min(0).optional(), 'Largest absolute difference of a number that counts as equal.', {
    unit: "the output's own",
    default: 1e-4,
  }),
  relative: field(
    z.number().min(0).optional(),
    "Largest difference of a number that counts as equal, as a fraction of the stable version's.",
    { unit: 'fraction', default: 1e-3 },
  ),
  topK: field(
    z.int().min(1).max(100).optional(),
    'Along the last dimension, the indices of the K largest values are compared, as a set, instead of the values.',
    { unit: 'values', absent: 'values are compared' },
  ),
  keep: field(
    z.int().min(0).max(100).optional(),
    'Requests with differing answers that each pod keeps, inputs and both answers, for `modelship diffs`. They may hold ' +
      'what your users sent: none are kept unless you say so.',
    { unit: 'requests', default: 0 },
  ),
});

const analysis = withRules(
  z.strictObject({
    interval: field(duration({ min: '1s', max: '1h' }).optional(), 'Time between two looks at the checks.', {
      default: '15s',
    }),
    minSamples: field(
      z.int().min(1).max(1_000_000_000).optional(),
      'Requests that the canary must have answered before a check counts.',
      { unit: 'requests', default: 200 },
    ),
    deadline: field(duration({ min: '1s' }).optional(), 'Longest time that a step may wait for enough samples.', {
      default: '30m',
    }),
    mirror: field(percent().optional(), "Stable's requests that are mirrored to the canary when a check needs pairs.", {
      unit: 'percent',
      default: 0,
    }),
    compare: field(compare.optional(), "How a mirrored request's two answers are compared.", {
      absent: 'labels exactly; numbers with the default tolerances',
    }),
    checks: field(z.array(check).min(1).max(32), 'All must pass for the rollout to go on.'),
  }),
  [
    {
      cel:
        "!self.checks.exists(c, has(c.metric) && c.metric == 'disagreement') || " +
        '(has(self.mirror) && self.mirror > 0.0)',
      message: 'a disagreement check compares mirrored requests: give mirror above 0',
      holds: (a) => (a.mirror ?? 0) > 0 || !a.checks.some((c) => c.metric === 'disagreement'),
      path: ['mirror'],
    },
  ],
);

/** The walk from the split that is served to the split that is asked for. */
export const rollout = z.strictObject({
  steps: field(steps, 'Steps of the walk, in rising order of traffic. The end of the walk is implied.'),
  analysis: field(analysis.optional(), 'What must hold for the walk to go on.', {
    absent: 'only time and approvals are waited for',
  }),
  signature: field(
    z.enum(['Compatible', 'Any']).optional(),
    'Whether a version whose inputs and outputs do not fit those of the stable version may get traffic.',
    { default: 'Compatible' },
  ),
  progressDeadline: field(
    duration({ min: '1s' }).optional(),
    'Longest time that a version may take to be ready for its next share. Past it the rollout has failed.',
    { default: '10m' },
  ),
  onFailure: field(z.enum(['Rollback', 'Pause']).optional(), 'What a failed analysis does.', { default: 'Rollback' }),
});

export type Rollout = z.output<typeof rollout>;
export type Check = z.output<typeof check>;
export type Compare = z.output<typeof compare>;
