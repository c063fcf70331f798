/** The only module that knows onnxruntime-node. What it gets wrong or leaves out is put right here. */
// First of all: it must run before the library is loaded.
import './ort-environment.ts';
import { env, Tensor as OrtTensor } from 'onnxruntime-node';
// Not its public door, yet the very calls that the door makes: without its `setImmediate`, which costs a turn of the
// loop for each run. The version is fixed in package.json, and the executors' contract suite holds what is used.
import { type Binding, binding, initOrt } from 'onnxruntime-node/dist/binding.js';
import { LoadError } from '../errors.ts';
import type { Datatype, Tensor, TensorData } from '../protocol/datatypes.ts';
import type { Signature, TensorSpec } from '../protocol/signature.ts';
import { isProviderFailure, openFailure, providerMissing, runFailure } from './ort-failures.ts';
import { isGpu, ortOptions, type Provider, type SessionPlan } from './session-plan.ts';

const TO_ORT = {
  BOOL: 'bool',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
} as const satisfies Record<Datatype, OrtTensor.Type>;

/** Datatypes by their number in ONNX, TensorProto.DataType. */
const BY_NUMBER: Record<number, Datatype> = {
  1: 'FP32',
  2: 'UINT8',
  3: 'INT8',
  4: 'UINT16',
  5: 'INT16',
  6: 'INT32',
  7: 'INT64',
  8: 'BYTES',
  9: 'BOOL',
  10: 'FP16',
  11: 'FP64',
  12: 'UINT32',
  13: 'UINT64',
};

/** A model opened by ONNX Runtime. `run` blocks the thread that it is called on. */
export interface OrtModel {
  signature: Signature;
  /** The execution providers in force. */
  providers: readonly Provider[];
  /** @throws RequestError INFERENCE_FAILED, INPUT_SHAPE when only the model itself could tell */
  run(inputs: readonly Tensor[], outputs: readonly string[]): Tensor[];
  /** Lets the session go; later calls do nothing. */
  release(): void;
}

export function ortVersion(): string {
  return env.versions.node ?? env.versions.common;
}

/**
 * Opens a model file. Blocks the thread for as long as that takes.
 * @throws LoadError MODEL_CORRUPT, MODEL_UNSUPPORTED, PROVIDER_MISSING
 */
export function openModel(plan: SessionPlan, warn: (message: string) => void): OrtModel {
  // Its own lines go to stderr unstructured; every failure reaches us as an exception as well.
  env.logLevel = 'fatal';
  initOrt();
  hideFloat16Array();
  const { session, providers } = createSession(plan, warn);
  try {
    return modelOf(session, providers);
  } catch (error) {
    session.dispose();
    throw error;
  }
}

function modelOf(session: Binding.InferenceSession, providers: readonly Provider[]): OrtModel {
  const inputs = session.inputMetadata.map((metadata) => readSpec('input', metadata));
  const signature = { inputs, outputs: session.outputMetadata.map((metadata) => readSpec('output', metadata)) };
  const specs = new Map(signature.outputs.map((spec) => [spec.name, spec]));
  let released = false;
  return {
    signature,
    providers,
    run(inputs, outputs) {
      const feeds: Record<string, OrtTensor> = {};
      for (const input of inputs) feeds[input.name] = toOrt(input);
      const fetches: Record<string, null> = {};
      for (const output of outputs) fetches[output] = null;
      let results: ReturnType<Binding.InferenceSession['run']>;
      try {
        results = session.run(feeds, fetches, NO_OPTIONS);
      } catch (error) {
        throw runFailure((error as Error).message);
      }
      return outputs.map((name) => fromOrt(specs.get(name) as TensorSpec, results[name] as OrtTensor));
    },
    release() {
      if (released) return;
      released = true;
      session.dispose();
    },
  };
}

const NO_OPTIONS = {};

let hidden = false;

/** With `Float16Array` about, onnxruntime-node refuses its own float16 tensors. It looks once, at the first tensor. */
function hideFloat16Array(): void {
  if (hidden) return;
  hidden = true;
  const holder = globalThis as { Float16Array?: unknown };
  const kept = Object.getOwnPropertyDescriptor(holder, 'Float16Array');
  delete holder.Float16Array;
  new OrtTensor('float16', new Uint16Array(1), [1]);
  if (kept) Object.defineProperty(holder, 'Float16Array', kept);
}

interface Opened {
  session: Binding.InferenceSession;
  providers: Provider[];
}

/**
 * Asking onnxruntime for a provider that is not there throws, even with `cpu` after it, so the fall-back is made here:
 * a provider that fails is left out if `cpu` comes later in the list.
 */
function createSession(plan: SessionPlan, warn: (message: string) => void): Opened {
  let providers: Provider[] = [...plan.session.executionProviders];
  for (;;) {
    try {
      const session = new binding.InferenceSession();
      session.loadModel(plan.path, ortOptions(plan, providers));
      return { session, providers };
    } catch (error) {
      const { message } = error as Error;
      const first = providers[0];
      if (first === undefined || !isGpu(first) || !isProviderFailure(message, plan.path)) {
        throw openFailure(message, ortVersion());
      }
      if (!providers.includes('cpu')) throw providerMissing(first, plan.session.device, message);
      warn(`execution provider '${first}' is not available, going on without it: ${message}`);
      providers = providers.slice(1);
    }
  }
}

function readSpec(role: string, metadata: Binding.ValueMetadata): TensorSpec {
  const { name } = metadata;
  if (!metadata.isTensor) {
    const hint = 'a classifier from skl2onnx is converted without it by the option zipmap=False';
    throw new LoadError('MODEL_UNSUPPORTED', `${role} '${name}' is a sequence or a map, not a tensor; ${hint}`);
  }
  const datatype = BY_NUMBER[metadata.type];
  if (!datatype) {
    const message = `${role} '${name}' is of ONNX element type ${metadata.type}, which is not a datatype of the protocol`;
    throw new LoadError('MODEL_UNSUPPORTED', message);
  }
  // An open dimension may have a name, an expression, even a number as its text: whatever it says, it is not fixed.
  const shape = metadata.shape.map((dim) => (dim >= 0 ? dim : -1));
  // A scalar and a tensor of unknown rank read the same here; ONNX Runtime judges them at the run.
  return shape.length === 0 ? { name, datatype, shape, anyRank: true } : { name, datatype, shape };
}

function toOrt(tensor: Tensor): OrtTensor {
  // The constructor checks length against shape; types were matched by whoever made the tensor.
  return new OrtTensor(TO_ORT[tensor.datatype] as 'float32', tensor.data as Float32Array, tensor.shape);
}

function fromOrt({ name, datatype }: TensorSpec, result: OrtTensor): Tensor {
  return { name, datatype, shape: result.dims, data: result.data as TensorData };
}
