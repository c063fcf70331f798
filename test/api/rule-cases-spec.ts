/** The cases of `rule-cases.ts` for serving and rollout. */
import {
  type Fields,
  manifest,
  version,
  withAnalysis,
  withCheck,
  withGpu,
  withMetric,
  withPod,
  withServing,
  withSteps,
} from './builders.ts';
import type { RuleCase } from './rule-cases.ts';

const SIZE_OR = 'give either replicas or autoscaling, not both';
const BOUNDS = 'min must not be above max';
const METRIC = 'a metric is exactly one of cpu, memory, pods, external';
const EXTERNAL = 'give exactly one of value, averageValue';
const GPU = 'give exactly one of count, mig, shared, claim';
const RESERVED = "keys that start with modelship.dev/ are the operator's own";
const ENV = 'give either value or valueFrom, not both';
const STEPS = 'steps must not go down: give traffic in rising order';
const CHECK_KIND = 'a check is exactly one of metric, custom, prometheus';
const CHECK_BOUND = 'a check needs min, max or maxRatio';
const CHECK_EMPTY = 'no value passes: min is above max';
const CHECK_RATIO = 'maxRatio compares canary and stable; a prometheus check has no stable side';
const DISAGREEMENT_RATIO =
  'disagreement and output-shift are between canary and stable already: give max instead of maxRatio';
const PAIRS = 'a disagreement check compares mirrored requests: give mirror above 0';

export const serving: Record<string, RuleCase> = {
  'replicas alone': { manifest: withServing({ replicas: 2 }) },
  'autoscaling alone': { manifest: withServing({ autoscaling: { min: 2, max: 2 } }) },
  'replicas and autoscaling': {
    manifest: withServing({ replicas: 2, autoscaling: { min: 1, max: 2 } }),
    refused: SIZE_OR,
  },
  'a version that sets its own size': {
    manifest: manifest({
      versions: [version('v1', { serving: { replicas: 1 } })],
      serving: { autoscaling: { min: 1, max: 2 } },
    }),
  },
  'min above max': { manifest: withServing({ autoscaling: { min: 3, max: 2 } }), refused: BOUNDS },
  'a metric of one kind': { manifest: withMetric({ cpu: 80 }) },
  'a metric of two kinds': { manifest: withMetric({ cpu: 80, memory: 80 }), refused: METRIC },
  'a metric of no kind': { manifest: withMetric({}), refused: METRIC },
  'an external metric with a value': { manifest: withMetric({ external: { metric: 'queue', value: '10' } }) },
  'an external metric with a selector of Kubernetes': {
    manifest: withMetric({ external: { metric: 'queue', averageValue: 10, selector: { matchLabels: { app: 'x' } } } }),
  },
  'an external metric with both values': {
    manifest: withMetric({ external: { metric: 'queue', value: 1, averageValue: '1' } }),
    refused: EXTERNAL,
  },
  'an external metric without a value': { manifest: withMetric({ external: { metric: 'queue' } }), refused: EXTERNAL },
  'a GPU by count': { manifest: withGpu({ count: 1, products: ['NVIDIA-H200'], minMemory: '40Gi' }) },
  'a GPU by MIG profile': { manifest: withGpu({ mig: '1g.10gb' }) },
  'a shared GPU': { manifest: withGpu({ shared: true }) },
  'a GPU that is not shared, said aloud': { manifest: withGpu({ count: 1, shared: false }) },
  'a GPU by claim': { manifest: withGpu({ claim: { deviceClass: 'gpu.nvidia.com' } }) },
  'a GPU in two ways': { manifest: withGpu({ count: 1, mig: '1g.10gb' }), refused: GPU },
  'a GPU in no way': { manifest: withGpu({ products: ['NVIDIA-H200'] }), refused: GPU },
  'labels and annotations of a team': {
    manifest: withPod({ labels: { team: 'vision' }, annotations: { 'a.b/c': '' } }),
  },
  "the operator's own label": { manifest: withPod({ labels: { 'modelship.dev/version': 'v1' } }), refused: RESERVED },
  "the operator's own annotation": { manifest: withPod({ annotations: { 'modelship.dev/x': '' } }), refused: RESERVED },
  'a variable with a value': { manifest: withPod({ env: [{ name: 'A', value: '1' }] }) },
  'a variable with a source': {
    manifest: withPod({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }),
  },
  'a variable with value and source': {
    manifest: withPod({ env: [{ name: 'A', value: '1', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] }),
    refused: ENV,
  },
};

export const rollouts: Record<string, RuleCase> = {
  'steps that rise': {
    manifest: withSteps({ traffic: 5 }, { traffic: 25, hold: '5m' }, { traffic: 25, approval: 'required' }),
  },
  'steps that go down': { manifest: withSteps({ traffic: 25 }, { traffic: 5 }), refused: STEPS },
  'a check of a metric': { manifest: withCheck({ metric: 'latency-p99', maxRatio: 1.2 }) },
  'a check of a query': { manifest: withCheck({ prometheus: 'up', min: 0.5, max: 1 }) },
  'a check of both': { manifest: withCheck({ metric: 'error-rate', prometheus: 'up', max: 1 }), refused: CHECK_KIND },
  'a check of a metric of its own': { manifest: withCheck({ custom: 'queue_depth', max: 10 }) },
  'a check of a metric and one of its own': {
    manifest: withCheck({ metric: 'error-rate', custom: 'queue_depth', max: 1 }),
    refused: CHECK_KIND,
  },
  'a check of neither': { manifest: withCheck({ max: 1 }), refused: CHECK_KIND },
  'a check without a bound': { manifest: withCheck({ metric: 'error-rate' }), refused: CHECK_BOUND },
  'a check that nothing passes': {
    manifest: withCheck({ metric: 'error-rate', min: 2, max: 1 }),
    refused: CHECK_EMPTY,
  },
  'a ratio of a query': { manifest: withCheck({ prometheus: 'up', maxRatio: 1.2 }), refused: CHECK_RATIO },
  'a ratio of a disagreement': {
    manifest: withCheck({ metric: 'disagreement', maxRatio: 1.2 }, { mirror: 10 }),
    refused: DISAGREEMENT_RATIO,
  },
  'a ratio of a shift': {
    manifest: withCheck({ metric: 'output-shift', maxRatio: 1.2 }),
    refused: DISAGREEMENT_RATIO,
  },
  'a disagreement with mirrored requests': {
    manifest: withCheck({ metric: 'disagreement', max: 0.05 }, { mirror: 10 }),
  },
  'a disagreement without mirrored requests': {
    manifest: withCheck({ metric: 'disagreement', max: 0.05 }),
    refused: PAIRS,
  },
  'a disagreement that mirrors nothing': {
    manifest: withCheck({ metric: 'disagreement', max: 0.05 }, { mirror: 0 }),
    refused: PAIRS,
  },
};

/** Durations with bounds: each field, what it takes at both ends, and what is just outside. */
const DURATIONS: [of: (value: string) => Fields, from: string, to: string, outside: string[]][] = [
  [(retireAfter) => manifest({ retireAfter }), '0s', '336h', ['336h1ms']],
  [(maxDelay) => withServing({ batching: { maxDelay } }), '0s', '1m', ['60.001s']],
  [(timeout) => withServing({ limits: { timeout } }), '1ms', '1h', ['0s', '1h1ms']],
  [(ttl) => withServing({ cache: { size: '1Mi', ttl } }), '1ms', '168h', ['0ms', '169h']],
  [(hold) => withSteps({ traffic: 1, hold }), '0s', '336h', ['400h']],
  [(interval) => withAnalysis({ interval }), '1s', '1h', ['999ms', '61m']],
  [(deadline) => withAnalysis({ deadline }), '1s', '336h', ['0.9s', '99999h']],
];

export function durations(): Record<string, RuleCase> {
  const cases: Record<string, RuleCase> = {};
  for (const [index, [of, from, to, outside]] of DURATIONS.entries()) {
    cases[`duration ${index}: ${from}`] = { manifest: of(from) };
    cases[`duration ${index}: ${to}`] = { manifest: of(to) };
    for (const value of outside) {
      cases[`duration ${index}: ${value}`] = {
        manifest: of(value),
        refused: `a duration from ${from} to ${to}`,
      };
    }
  }
  return cases;
}
