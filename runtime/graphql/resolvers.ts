/** Questions of GraphQL → what the process knows. */

import { ALL } from '../../api/units.ts';
import { PLATFORM } from '../protocol/model-config.ts';
import { repositoryIndex } from '../protocol/repository-index.ts';
import type { ProtocolContext } from '../routes/protocol.ts';
import type { ModelStatistics } from '../statistics.ts';
import type { InferArguments, Inferences } from './infer.ts';
import { tensorDataScalar } from './tensor-data.ts';

/** What each operation is given. */
export interface OperationContext {
  inferences: Inferences;
}

type Context = Pick<ProtocolContext, 'own' | 'split' | 'statistics'>;

export function resolversOf(context: Context) {
  const { own, statistics } = context;
  const model = () => ({
    name: own.model,
    platform: PLATFORM,
    versions: () => versionsOf(context),
    inputs: () => own.metadata().inputs,
    outputs: () => own.metadata().outputs,
  });
  return {
    TensorData: tensorDataScalar,
    Query: {
      models: () => [model()],
      model: (_root: unknown, { name }: { name: string }) => (name === own.model ? model() : null),
      statistics: () => [camelStatistics(statistics.snapshot())],
      infer: (_root: unknown, asked: InferArguments, { inferences }: OperationContext) => inferences.infer(asked),
    },
  };
}

function versionsOf({ own, split }: Context) {
  const table = split.table();
  return repositoryIndex({ own, split }, false).map(({ version, state, reason }) => {
    const entry = table?.versions.find(({ name }) => name === version);
    return {
      name: version,
      share: entry && (entry.share * 100) / ALL,
      primary: table && table.primary === version,
      state,
      reason: reason || null,
      ready: state === 'READY',
      digest: version === own.version ? own.digest : entry?.digest,
    };
  });
}

/** As JSON names fields in GraphQL. */
function camelStatistics({ name, version, inference_stats: stats, ...rest }: ModelStatistics) {
  return {
    name,
    version,
    lastInference: rest.last_inference,
    inferenceCount: rest.inference_count,
    executionCount: rest.execution_count,
    inferenceStats: {
      success: stats.success,
      fail: stats.fail,
      queue: stats.queue,
      computeInput: stats.compute_input,
      computeInfer: stats.compute_infer,
      computeOutput: stats.compute_output,
      cacheHit: stats.cache_hit,
      cacheMiss: stats.cache_miss,
    },
    batchStats: rest.batch_stats.map((batch) => ({
      batchSize: batch.batch_size,
      computeInput: batch.compute_input,
      computeInfer: batch.compute_infer,
      computeOutput: batch.compute_output,
    })),
  };
}
