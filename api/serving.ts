/** How a version is served: size, hardware, batching, warm-up, session, limits. Every field may be overridden per version. */
import { z } from 'zod';
import { autoscaling } from './autoscaling.ts';
import { bytes, duration, field, mapOf, quantity, setOf, withRules } from './fields.ts';
import { gpu } from './gpu.ts';
import { pod } from './pod.ts';

const resources = z.strictObject({
  requests: field(mapOf(quantity(), 16).optional(), 'What is reserved for each replica.', {
    unit: 'by resource: cores, bytes',
    absent: 'nothing is reserved',
  }),
  limits: field(mapOf(quantity(), 16).optional(), 'What each replica may use at most.', {
    unit: 'by resource: cores, bytes',
    absent: 'no limit',
  }),
});

const batching = z.strictObject({
  maxBatchSize: field(
    z.int().min(1).max(4096).optional(),
    'Most items that are run together; 1 switches batching off, as a model whose rows are not independent needs.',
    { unit: 'items', default: 32 },
  ),
  maxDelay: field(
    duration({ max: '1m' }).optional(),
    'How long a request may wait for company. With 0ms it never waits: what came while the model ran is run together.',
    { default: '0ms' },
  ),
});

const warmup = z.strictObject({
  requests: field(z.int().min(0).max(1000).optional(), 'Made-up requests that are run before a replica is ready.', {
    unit: 'requests',
    default: 8,
  }),
});

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
    setOf(
      z
        .array(z.enum(['cpu', 'cuda', 'tensorrt']))
        .min(1)
        .max(3),
    ).optional(),
    'Execution providers in order of preference. A missing one is an error unless `cpu` is listed after it.',
    { default: ['cpu'] },
  ),
  arena: field(z.boolean().optional(), 'Whether the CPU memory arena keeps memory between runs.', { default: true }),
  device: field(
    z.int().min(0).max(63).optional(),
    'GPU that the session runs on, counted among those that the replica sees.',
    { default: 0, unit: 'index' },
  ),
  gpuMemory: field(bytes().optional(), 'Most GPU memory that the session may take.', {
    unit: 'bytes',
    absent: 'no limit but the GPU',
  }),
  keepOptimized: field(
    z.boolean().optional(),
    'Whether the optimised graph is kept on scratch disk, so that a restarted container opens the model faster.',
    { default: false },
  ),
});

const execution = z.strictObject({
  processes: field(
    z.int().min(1).max(64).optional(),
    'Processes of one replica that share its ports, each with its own copy of the model.',
    { unit: 'processes', absent: 'chosen from the CPU of the replica and the measured cost of a run' },
  ),
  workers: field(
    z.int().min(0).max(64).optional(),
    'Threads that run the model beside the one that serves; 0 runs it there.',
    { unit: 'threads', absent: 'chosen from the CPU of the replica and the measured cost of a run' },
  ),
});

const cache = z.strictObject({
  size: field(bytes(), 'Memory for answers, in one replica.', { unit: 'bytes' }),
  ttl: field(duration({ min: '1ms', max: '168h' }).optional(), 'How long an answer may be given again.', {
    default: '1m',
  }),
});

const limits = z.strictObject({
  body: field(bytes().optional(), 'Largest request body.', { unit: 'bytes', default: '16Mi' }),
  queue: field(
    z.int().min(1).max(100_000).optional(),
    'Most requests that wait in one process of a replica; above it the answer is 503.',
    { unit: 'requests', default: 1024 },
  ),
  timeout: field(
    duration({ min: '1ms', max: '1h' }).optional(),
    'Longest time that a request may take, its wait included.',
    { default: '30s' },
  ),
});

const protocols = z
  .array(z.enum(['rest', 'grpc', 'tensorflow', 'sagemaker', 'vertex', 'graphql']))
  .min(1)
  .max(6);

const servingFields = z.strictObject({
  replicas: field(z.int().min(1).max(1000).optional(), 'Fixed number of replicas. Either this or `autoscaling`.', {
    unit: 'replicas',
    default: 1,
  }),
  autoscaling: field(autoscaling.optional(), 'Scaling between two bounds. Either this or `replicas`.', {
    absent: 'the number of replicas is fixed',
  }),
  resources: field(resources.optional(), 'CPU and memory of each replica.', { absent: 'none asked for' }),
  gpu: field(gpu.optional(), 'The GPU of each replica.', { absent: 'no GPU' }),
  batching: field(batching.optional(), 'How concurrent requests are merged into one run.', {
    absent: 'its defaults count',
  }),
  warmup: field(warmup.optional(), 'What is run before a replica takes traffic.', { absent: 'its defaults count' }),
  session: field(session.optional(), 'The ONNX Runtime session.', { absent: 'its defaults count' }),
  execution: field(execution.optional(), 'Processes and threads of one replica.', { absent: 'chosen by measuring' }),
  cache: field(
    cache.optional(),
    'Answers kept by the content of their request; for models that give the same for the same.',
    { absent: 'no cache' },
  ),
  limits: field(limits.optional(), 'What one replica accepts.', { absent: 'its defaults count' }),
  protocols: field(
    setOf(protocols).optional(),
    'Protocols spoken. `rest` and `grpc` are the Open Inference Protocol v2.',
    { default: ['rest', 'grpc'] },
  ),
  pod: field(pod.optional(), 'Handed on to the pods as it is.', { absent: 'nothing is added' }),
});

/** How versions are served. All fields are optional; `api/effective.ts` merges version, ModelDeployment and defaults. */
export const serving = withRules(servingFields, [
  {
    cel: '!(has(self.replicas) && has(self.autoscaling))',
    message: 'give either replicas or autoscaling, not both',
    holds: (s) => s.replicas === undefined || s.autoscaling === undefined,
    path: ['autoscaling'],
  },
]);

export type Serving = z.output<typeof serving>;
