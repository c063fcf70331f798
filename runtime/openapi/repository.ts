/** Triton's extensions that are questions: their schemas and operations. */
import { z } from 'zod';
import { CONFIG_DATATYPES } from '../protocol/model-config.ts';
import { ASK_ERRORS, json, type Operation, VERSION_PARAMETER } from './operation.ts';

const count = z.strictObject({ count: z.int().min(0), ns: z.int().min(0).describe('Altogether, nanoseconds.') });

const batchStatistics = z.strictObject({
  batch_size: z.int().min(0).describe('Exact to 128; beyond, the power of two that it is not above.'),
  compute_input: count,
  compute_infer: count,
  compute_output: count,
});

const modelStatistics = z.strictObject({
  name: z.string(),
  version: z.string(),
  last_inference: z.int().min(0).describe('Ms since 1970; 0: never.'),
  inference_count: z.int().min(0).describe('Items that were run.'),
  execution_count: z.int().min(0).describe('Runs of the model.'),
  inference_stats: z.strictObject({
    success: count,
    fail: count,
    queue: count,
    compute_input: count,
    compute_infer: count,
    compute_output: count,
    cache_hit: count,
    cache_miss: count,
  }),
  batch_stats: z.array(batchStatistics),
});

const configTensor = z.strictObject({
  name: z.string(),
  data_type: z.enum(Object.values(CONFIG_DATATYPES)),
  dims: z.array(z.int().min(-1)).describe('Without the batch dimension where max_batch_size is above 0.'),
});

const repositoryEntry = z.strictObject({
  name: z.string(),
  version: z.string(),
  state: z.enum(['READY', 'LOADING', 'UNAVAILABLE', 'UNKNOWN']),
  reason: z.string(),
});

export const REPOSITORY_SCHEMAS = {
  Count: count,
  ModelStatistics: modelStatistics,
  ModelsStatistics: z.strictObject({ model_stats: z.array(modelStatistics) }),
  ConfigTensor: configTensor,
  ModelConfig: z.strictObject({
    name: z.string(),
    platform: z.string(),
    backend: z.string(),
    version_policy: z.strictObject({ all: z.strictObject({}) }),
    max_batch_size: z.int().min(0).describe('Most items that are run together; 0: requests are never merged.'),
    input: z.array(configTensor),
    output: z.array(configTensor),
    instance_group: z.array(
      z.strictObject({
        name: z.string(),
        kind: z.enum(['KIND_CPU', 'KIND_GPU']),
        count: z.int().min(1),
        gpus: z.array(z.int().min(0)).optional(),
      }),
    ),
    dynamic_batching: z.strictObject({ max_queue_delay_microseconds: z.int().min(0) }).optional(),
    response_cache: z.strictObject({ enable: z.boolean() }),
    model_transaction_policy: z.strictObject({ decoupled: z.literal(false) }),
  }),
  RepositoryIndexRequest: z.object({ ready: z.boolean().optional().describe('Only versions that are READY.') }),
  RepositoryIndex: z.array(repositoryEntry),
};

const statistics = { description: 'Counted since the process started.', content: json('ModelsStatistics') };

/** @param model of this name there are no statistics of all models: its own metadata are at their path */
export function repositoryOperations(model: string): Operation[] {
  const all: Operation = {
    method: 'get',
    path: '/v2/models/stats',
    id: 'statistics',
    summary: 'What was answered, and how long it took.',
    answer: statistics,
  };
  return [...(model === 'stats' ? [] : [all]), ...OF_MODEL, ...OF_REPOSITORY];
}

const OF_MODEL = (
  [
    ['/v2/models/{model}', ''],
    ['/v2/models/{model}/versions/{version}', 'OfVersion'],
  ] as const
).flatMap(([path, suffix]): Operation[] => [
  {
    method: 'get',
    path: `${path}/stats`,
    id: `modelStatistics${suffix}`,
    summary: 'What the version answered, and how long it took.',
    parameters: [VERSION_PARAMETER],
    answer: statistics,
    errors: ASK_ERRORS,
  },
  {
    method: 'get',
    path: `${path}/config`,
    id: `modelConfig${suffix}`,
    summary: 'How the model is run.',
    parameters: [VERSION_PARAMETER],
    answer: { description: 'As a model configuration of Triton.', content: json('ModelConfig') },
    errors: ASK_ERRORS,
  },
]);

const OF_REPOSITORY: Operation[] = [
  {
    method: 'post',
    path: '/v2/repository/index',
    id: 'repositoryIndex',
    summary: 'Versions and their states, as far as this process knows them.',
    request: { required: false, content: json('RepositoryIndexRequest') },
    answer: { description: 'The versions.', content: json('RepositoryIndex') },
    errors: ['MALFORMED_JSON', 'INVALID_REQUEST', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'],
  },
  ...(['load', 'unload'] as const).map(
    (action): Operation => ({
      method: 'post',
      path: `/v2/repository/models/{model}/${action}`,
      id: `repository${action === 'load' ? 'Load' : 'Unload'}`,
      summary: 'Always refused: versions come from the ModelDeployment.',
      answer: { description: 'Never given.', content: {} },
      errors: ['REPOSITORY_READ_ONLY'],
    }),
  ),
];
