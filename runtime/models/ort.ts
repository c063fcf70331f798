/** The only module that knows onnxruntime-node. What it gets wrong or leaves out is put right here. */
// First of all: it must run before the library is loaded.
import './ort-environment.ts';
import { env, InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { RuntimeServing } from '../../api/launch.ts';
import { LoadError, RequestError } from '../errors.ts';
import type { Datatype, Tensor, TensorData } from '../protocol/datatypes.ts';
import type { Signature, TensorSpec } from '../protocol/signature.ts';

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

const FROM_ORT = new Map<string, Datatype>(
  Object.entries(TO_ORT).map(([datatype, type]) => [type, datatype as Datatype]),
);

export type SessionOptions = RuntimeServing['session'];

/** A model opened by ONNX Runtime. `run` blocks the thread that it is called on; runs on one session don't overlap. */
export interface OrtModel {
  signature: Signature;
  /** The execution providers in force. */
  providers: readonly string[];
  /** @throws RequestError INFERENCE_FAILED, INPUT_SHAPE when only the model itself could tell */
  run(inputs: readonly Tensor[], outputs: readonly string[]): Promise<Tensor[]>;
  /** Must not be called during a run: onnxruntime-node throws then. Later calls do nothing. */
  release(): Promise<void>;
}

/**
 * Opens a model file.
 * @throws LoadError MODEL_CORRUPT, MODEL_UNSUPPORTED, PROVIDER_MISSING
 */
export async function openModel(
  path: string,
  options: SessionOptions,
  warn: (message: string) => void,
): Promise<OrtModel> {
  hideFloat16Array();
  // Its own lines go to stderr unstructured; every failure reaches us as an exception as well.
  env.logLevel = 'fatal';
  const { session, providers } = await createSession(path, options, warn);
  const signature = readSignature(session);
  const specs = new Map(signature.outputs.map((spec) => [spec.name, spec]));
  let released = false;
  return {
    signature,
    providers,
    async run(inputs, outputs) {
      const feeds: Record<string, OrtTensor> = {};
      for (const input of inputs) feeds[input.name] = toOrt(input);
      const results = await session.run(feeds, outputs as string[]).catch((error: Error) => {
        throw runFailure(error);
      });
      return outputs.map((name) => fromOrt(specs.get(name) as TensorSpec, results[name] as OrtTensor));
    },
    async release() {
      if (released) return;
      released = true;
      await session.release();
    },
  };
}

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

type Provider = SessionOptions['executionProviders'][number];

const PROVIDER_FAILURE = /ExecutionProvider|CUDA|TensorRT|Failed to load (?:shared )?library|provider/i;

/**
 * Asking onnxruntime for a provider that is not there throws, even with `cpu` after it, so the fall-back is made here:
 * a provider that fails is left out if `cpu` comes later in the list.
 */
async function createSession(path: string, options: SessionOptions, warn: (message: string) => void): Promise<Opened> {
  let providers: Provider[] = [...options.executionProviders];
  for (;;) {
    try {
      return { providers, session: await InferenceSession.create(path, sessionOptions(options, providers)) };
    } catch (error) {
      const message = (error as Error).message;
      const first = providers[0];
      if (first === undefined || first === 'cpu' || !PROVIDER_FAILURE.test(message)) throw openFailure(error as Error);
      if (!providers.includes('cpu')) {
        const hint = `run it where ${first} is installed, or list 'cpu' after it in session.executionProviders`;
        throw new LoadError('PROVIDER_MISSING', `execution provider '${first}' is not available: ${message}; ${hint}`);
      }
      warn(`execution provider '${first}' is not available, going on without it: ${message}`);
      providers = providers.slice(1);
    }
  }
}

interface Opened {
  session: InferenceSession;
  providers: Provider[];
}

function sessionOptions(options: SessionOptions, executionProviders: Provider[]): InferenceSession.SessionOptions {
  return {
    executionProviders,
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.graphOptimization,
    enableCpuMemArena: options.arena,
    logSeverityLevel: 4,
  };
}

const UNSUPPORTED = [
  /is not a registered function\/op/,
  /Could not find an implementation for/,
  /Opset \d+ is under development/,
  /Unsupported model IR version/,
  /Unsupported data type/,
  /No (?:op|opset|schema) registered/i,
  /domain_version|not a registered operator/i,
];

function openFailure(error: Error): LoadError {
  const said = error.message.replace(/^Load model from .*? failed:/s, '').slice(0, 1000);
  if (UNSUPPORTED.some((pattern) => pattern.test(said))) {
    return new LoadError('MODEL_UNSUPPORTED', `ONNX Runtime ${ortVersion()} does not support this model: ${said}`);
  }
  return new LoadError('MODEL_CORRUPT', `the file could not be opened as an ONNX model: ${said}`);
}

function ortVersion(): string {
  return env.versions.node ?? env.versions.common;
}

function readSignature(session: InferenceSession): Signature {
  const inputs = session.inputMetadata.map((metadata) => readSpec('input', metadata));
  return { inputs, outputs: session.outputMetadata.map((metadata) => readSpec('output', metadata)) };
}

function readSpec(role: string, metadata: InferenceSession.ValueMetadata): TensorSpec {
  const { name } = metadata;
  if (!metadata.isTensor) {
    const hint = 'a classifier from skl2onnx is converted without it by the option zipmap=False';
    throw new LoadError('MODEL_UNSUPPORTED', `${role} '${name}' is a sequence or a map, not a tensor; ${hint}`);
  }
  const datatype = FROM_ORT.get(metadata.type);
  if (!datatype) {
    throw new LoadError(
      'MODEL_UNSUPPORTED',
      `${role} '${name}' is ${metadata.type}, which is not a datatype of the protocol`,
    );
  }
  // A dimension's text may be a name, empty, an expression, even a number: whatever it says, it is not fixed.
  const shape = metadata.shape.map((dim) => (typeof dim === 'number' ? dim : -1));
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

/** What ONNX Runtime finds wrong with a request before it runs it; the rest is the model's own failure. */
const REFUSED_INPUT = /Invalid rank for input|Got invalid dimensions for input|Unexpected input data type/;

function runFailure(error: Error): RequestError {
  const said = error.message.slice(0, 500);
  if (REFUSED_INPUT.test(said)) return new RequestError('INPUT_SHAPE', `the model refused the request: ${said}`);
  return new RequestError('INFERENCE_FAILED', `the model failed on this request: ${said}`);
}
