/**
 * A model's configuration as Triton's model configuration extension shows it
 * (https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_configuration.md). Pure.
 */
import type { RuntimeServing } from '../../api/launch.ts';
import type { Datatype } from './datatypes.ts';
import type { Signature, TensorSpec } from './signature.ts';

export const PLATFORM = 'onnxruntime_onnx';

/** Triton's names of the datatypes in a configuration. */
export const CONFIG_DATATYPES = {
  BOOL: 'TYPE_BOOL',
  INT8: 'TYPE_INT8',
  INT16: 'TYPE_INT16',
  INT32: 'TYPE_INT32',
  INT64: 'TYPE_INT64',
  UINT8: 'TYPE_UINT8',
  UINT16: 'TYPE_UINT16',
  UINT32: 'TYPE_UINT32',
  UINT64: 'TYPE_UINT64',
  FP16: 'TYPE_FP16',
  FP32: 'TYPE_FP32',
  FP64: 'TYPE_FP64',
  BYTES: 'TYPE_STRING',
} as const satisfies Record<Datatype, string>;

export interface ConfigTensor {
  name: string;
  data_type: (typeof CONFIG_DATATYPES)[Datatype];
  /** Without the batch dimension where `max_batch_size` is above 0; −1 is free. Empty for a scalar or an unknown rank. */
  dims: number[];
}

export interface ModelConfig {
  name: string;
  platform: typeof PLATFORM;
  backend: 'onnxruntime';
  version_policy: { all: Record<string, never> };
  /** Most items that are run together; 0 where requests are never merged. */
  max_batch_size: number;
  input: ConfigTensor[];
  output: ConfigTensor[];
  instance_group: { name: string; kind: 'KIND_CPU' | 'KIND_GPU'; count: number; gpus?: number[] }[];
  dynamic_batching?: { max_queue_delay_microseconds: number };
  response_cache: { enable: boolean };
  model_transaction_policy: { decoupled: false };
}

/** What of an open model its configuration tells. */
export interface ConfiguredModel {
  signature: Signature;
  execution: { workers: number; providers: readonly string[]; device: number };
}

/** The configuration of a model that is open. */
export function modelConfig(
  model: string,
  { signature, execution }: ConfiguredModel,
  { batching, cache }: Pick<RuntimeServing, 'batching' | 'cache'>,
): ModelConfig {
  const { inputs, outputs } = signature;
  const batched = batching.maxBatchSize > 1 && [...inputs, ...outputs].every(hasBatchDimension);
  const tensor = ({ name, datatype, shape }: TensorSpec): ConfigTensor => ({
    name,
    data_type: CONFIG_DATATYPES[datatype],
    dims: shape.slice(batched ? 1 : 0),
  });
  const gpu = execution.providers[0] !== 'cpu';
  return {
    name: model,
    platform: PLATFORM,
    backend: 'onnxruntime',
    version_policy: { all: {} },
    max_batch_size: batched ? batching.maxBatchSize : 0,
    input: inputs.map(tensor),
    output: outputs.map(tensor),
    instance_group: [
      {
        name: model,
        kind: gpu ? 'KIND_GPU' : 'KIND_CPU',
        // No workers: it runs on the thread that serves.
        count: Math.max(1, execution.workers),
        ...(gpu && { gpus: [execution.device] }),
      },
    ],
    ...(batched && { dynamic_batching: { max_queue_delay_microseconds: Math.round(batching.maxDelayMs * 1_000) } }),
    response_cache: { enable: cache !== undefined },
    model_transaction_policy: { decoupled: false },
  };
}

function hasBatchDimension({ shape, anyRank }: TensorSpec): boolean {
  return !anyRank && shape[0] === -1;
}
