/** How a version is served: size, hardware, batching, warm-up, session, limits. Every field may be overridden per version. */
import { z } from 'zod';
import { duration, field, passthrough, quantity, withRules } from './fields.ts';

const autoscalingMetric = withRules(
  z.strictObject({
    cpu: field(z.int().min(1).max(1000).optional(), 'Mean CPU use to hold, of what is requested.', { unit: 'percent' }),
    memory: field(z.int().min(1).max(1000).optional(), 'Mean memory use to hold, of what is requested.', {
      unit: 'percent',
    }),
    pods: field(
      z
        .strictObject({
          metric: field(z.string().min(1).max(253), 'Name of a metric that every pod has.'),
          averageValue: field(quantity(), 'Mean over the pods to hold.'),
        })
        .optional(),
      'A metric of the pods, from the custom metrics API.',
    ),
    external: field(
      withRules(
        z.strictObject({
          metric: field(z.string().min(1).max(253), 'Name of a metric of the external metrics API.'),
          selector: field(passthrough().optional(), 'Label selector of the metric, as Kubernetes writes it.'),
          value: field(quantity().optional(), 'Value to hold.'),
          averageValue: field(quantity().optional(), 'Value per pod to hold.'),
        }),
        [
          {
            cel: 'has(self.value) != has(self.averageValue)',
            message: 'give exactly one of value, averageValue',
            holds: (m) => (m.value === undefined) !== (m.averageValue === undefined),
          },
        ],
      ).optional(),
      'A metric from outside the cluster, from the external metrics API.',
    ),
  }),
  [
    {
      cel: '[has(self.cpu), has(self.memory), has(self.pods), has(self.external)].filter(x, x).size() == 1',
      message: 'a metric is exactly one of cpu, memory, pods, external',
      holds: (m) => [m.cpu, m.memory, m.pods, m.external].filter((x) => x !== undefined).length === 1,
    },
  ],
);

const autoscaling = withRules(
  z.strictObject({
    min: field(z.int().min(1).max(1000), 'Fewest replicas.', { unit: 'replicas' }),
    max: field(z.int().min(1).max(1000), 'Most replicas.', { unit: 'replicas' }),
    metrics: field(z.array(autoscalingMetric).min(1).max(8).optional(), 'What to scale on; the largest answer wins.', {
      default: [{ cpu: 80 }],
    }),
    behavior: field(
      passthrough().optional(),
      'Scaling speed and windows, as `behavior` of a HorizontalPodAutoscaler v2.',
    ),
  }),
  [{ cel: 'self.min <= self.max', message: 'min must not be above max', holds: (a) => a.min <= a.max, path: ['min'] }],
);

const gpu = withRules(
  z.strictObject({
    count: field(z.int().min(1).max(64).optional(), 'Whole GPUs for each replica.', { unit: 'GPUs' }),
    mig: field(
      z
        .string()
        .max(32)
        .regex(/^[0-9]+g\.[0-9]+gb(\.me)?$/, 'expected a MIG profile such as 1g.10gb')
        .optional(),
      'One MIG slice of this profile for each replica, such as `1g.10gb`.',
    ),
    shared: field(z.boolean().optional(), 'A time-sliced share of a GPU for each replica.'),
    claim: field(
      z
        .strictObject({
          deviceClass: field(z.string().min(1).max(253), 'DeviceClass to claim from.'),
          count: field(z.int().min(1).max(64).optional(), 'Devices for each replica.', { unit: 'devices', default: 1 }),
          selectors: field(
            z.array(z.string().min(1).max(1024)).max(8).optional(),
            'CEL expressions over the device, all of which must hold.',
          ),
        })
        .optional(),
      'Devices by Dynamic Resource Allocation, where the cluster serves resource.k8s.io/v1.',
    ),
    products: field(
      z.array(z.string().min(1).max(63)).min(1).max(16).optional(),
      'GPU products that will do, as GPU Feature Discovery labels nodes (`nvidia.com/gpu.product`).',
    ),
    minMemory: field(quantity().optional(), 'Least memory of the GPU.', { unit: 'bytes' }),
    resource: field(
      z
        .string()
        .max(253)
        .regex(/^[a-z0-9.-]+\/[A-Za-z0-9._-]+$/, 'expected an extended resource name such as nvidia.com/gpu')
        .optional(),
      'Extended resource that stands for a GPU.',
      { default: 'nvidia.com/gpu' },
    ),
    runtimeClass: field(z.string().min(1).max(253).optional(), 'RuntimeClass of pods that have a GPU.'),
  }),
  [
    {
      cel: '[has(self.count), has(self.mig), has(self.shared) && self.shared, has(self.claim)].filter(x, x).size() == 1',
      message: 'give exactly one of count, mig, shared, claim',
      holds: (g) =>
        [g.count !== undefined, g.mig !== undefined, g.shared === true, g.claim !== undefined].filter(Boolean)
          .length === 1,
    },
  ],
);

const session = z.strictObject({
  threads: field(z.int().min(1).max(256).optional(), 'Threads inside one operator (intra-op).', {
    unit: 'threads',
    default: 1,
  }),
  graphOptimization: field(
    z.enum(['disabled', 'basic', 'extended', 'all']).optional(),
    'How far ONNX Runtime rewrites the graph when it opens the model.',
    { default: 'all' },
  ),
  executionProviders: field(
    z
      .array(z.enum(['cpu', 'cuda', 'tensorrt']))
      .min(1)
      .max(3)
      .optional(),
    'Execution providers in order of preference. A missing one is an error unless `cpu` is listed after it.',
    { default: ['cpu'] },
  ),
  arena: field(z.boolean().optional(), 'Whether the CPU memory arena keeps memory between runs.', { default: true }),
});

const limits = z.strictObject({
  body: field(quantity().optional(), 'Largest request body.', { unit: 'bytes', default: '16Mi' }),
  queue: field(
    z.int().min(1).max(100_000).optional(),
    'Most requests that wait in one pod; above it the answer is 503.',
    {
      unit: 'requests',
      default: 1024,
    },
  ),
  timeout: field(duration().optional(), 'Longest time that a request may take, its wait included.', { default: '30s' }),
});

const pod = z.strictObject({
  labels: field(z.record(z.string(), z.string().max(63)).optional(), 'Extra labels of the pods.'),
  annotations: field(z.record(z.string(), z.string()).optional(), 'Extra annotations of the pods.'),
  env: field(
    z
      .array(
        z.strictObject({
          name: field(z.string().min(1).max(253), 'Name of the variable.'),
          value: field(z.string().max(8192).optional(), 'Its value.'),
          valueFrom: field(passthrough().optional(), 'Where its value comes from, as Kubernetes writes it.'),
        }),
      )
      .max(64)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    'Extra environment variables of the runtime.',
  ),
  volumes: field(z.array(passthrough()).max(32).optional(), 'Extra volumes, as Kubernetes writes them.'),
  volumeMounts: field(z.array(passthrough()).max(32).optional(), 'Where the extra volumes are mounted.'),
  nodeSelector: field(z.record(z.string(), z.string().max(63)).optional(), 'Labels that a node must have.'),
  tolerations: field(z.array(passthrough()).max(32).optional(), 'Taints to tolerate, as Kubernetes writes them.'),
  affinity: field(passthrough().optional(), 'Affinity, as Kubernetes writes it.'),
  topologySpreadConstraints: field(
    z.array(passthrough()).max(8).optional(),
    'How pods are spread, as Kubernetes writes it. By default over hosts and zones where possible.',
  ),
  serviceAccountName: field(z.string().min(1).max(253).optional(), 'ServiceAccount of the pods.'),
  imagePullSecrets: field(
    z
      .array(z.strictObject({ name: field(z.string().min(1).max(253), 'Name of the Secret.') }))
      .max(8)
      .optional(),
    'Secrets to pull the runtime image with.',
  ),
  priorityClassName: field(z.string().min(1).max(253).optional(), 'PriorityClass of the pods.'),
});

const servingFields = z.strictObject({
  replicas: field(z.int().min(1).max(1000).optional(), 'Fixed number of replicas. Either this or `autoscaling`.', {
    unit: 'replicas',
    default: 1,
  }),
  autoscaling: field(autoscaling.optional(), 'Scaling between two bounds. Either this or `replicas`.'),
  resources: field(
    z
      .strictObject({
        requests: field(z.record(z.string(), quantity()).optional(), 'What is reserved for each replica.'),
        limits: field(z.record(z.string(), quantity()).optional(), 'What each replica may use at most.'),
      })
      .optional(),
    'CPU and memory of each replica.',
  ),
  gpu: field(gpu.optional(), 'The GPU of each replica; exactly one of `count`, `mig`, `shared`, `claim`.'),
  batching: field(
    z
      .strictObject({
        maxBatchSize: field(
          z.int().min(1).max(4096).optional(),
          'Most items that are run together; 1 switches batching off.',
          {
            unit: 'items',
            default: 32,
          },
        ),
        maxDelay: field(duration().optional(), 'How long a request may wait for company. 0ms never waits.', {
          default: '0ms',
        }),
      })
      .optional(),
    'How concurrent requests are merged into one run.',
  ),
  warmup: field(
    z
      .strictObject({
        requests: field(
          z.int().min(0).max(1000).optional(),
          'Made-up requests that are run before a replica is ready.',
          {
            unit: 'requests',
            default: 8,
          },
        ),
      })
      .optional(),
    'What is run before a replica takes traffic.',
  ),
  session: field(session.optional(), 'The ONNX Runtime session.'),
  cache: field(
    z
      .strictObject({
        size: field(quantity(), 'Memory for answers, in one replica.', { unit: 'bytes' }),
        ttl: field(duration().optional(), 'How long an answer may be given again.', { default: '1m' }),
      })
      .optional(),
    'Answers kept by the content of their request. Off unless given.',
  ),
  limits: field(limits.optional(), 'What one replica accepts.'),
  protocols: field(
    z
      .array(z.enum(['rest', 'grpc', 'tensorflow', 'sagemaker', 'vertex', 'graphql']))
      .min(1)
      .max(6)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'set' }),
    'Protocols spoken. `rest` and `grpc` are the Open Inference Protocol v2.',
    { default: ['rest', 'grpc'] },
  ),
  pod: field(pod.optional(), 'Handed on to the pods as it is.'),
});

/** How versions are served. All fields are optional; `api/effective.ts` merges version, ModelDeployment and defaults. */
export const serving = withRules(servingFields, [
  {
    cel: '!(has(self.replicas) && has(self.autoscaling))',
    message: 'give either replicas or autoscaling, not both',
    holds: (s) => s.replicas === undefined || s.autoscaling === undefined,
  },
]);

export type Serving = z.output<typeof serving>;
