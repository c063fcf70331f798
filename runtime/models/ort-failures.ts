/** What ONNX Runtime says when it refuses, read into coded errors: its own are plain text without codes. Pure. */
import { LoadError, RequestError } from '../errors.ts';
import type { Provider } from './session-plan.ts';

const UNSUPPORTED = [
  /is not a registered function\/op/,
  /Could not find an implementation for/,
  /Opset \d+ is under development/,
  /Unsupported model IR version/,
  /Unsupported data type/,
  /No (?:op|opset|schema) registered/i,
  /domain_version|not a registered operator/i,
];

export function openFailure(message: string, ortVersion: string): LoadError {
  const said = message.replace(/^Load model from .*? failed:/s, '').slice(0, 1000);
  if (UNSUPPORTED.some((pattern) => pattern.test(said))) {
    return new LoadError('MODEL_UNSUPPORTED', `ONNX Runtime ${ortVersion} does not support this model: ${said}`);
  }
  return new LoadError('MODEL_CORRUPT', `the file could not be opened as an ONNX model: ${said}`);
}

/** What ONNX Runtime finds wrong with a request before it runs it; the rest is the model's own failure. */
const REFUSED_INPUT = /Invalid rank for input|Got invalid dimensions for input|Unexpected input data type/;

/** What it finds wrong with values in the middle of a run, such as a token beyond the vocabulary: no failure of the model. */
const REFUSED_VALUES = /indices element out of data bounds|indices? (?:value )?out of (?:bounds|range)/i;

export function runFailure(message: string): RequestError {
  const said = message.slice(0, 500);
  if (REFUSED_INPUT.test(said)) return new RequestError('INPUT_SHAPE', `the model refused the request: ${said}`);
  if (REFUSED_VALUES.test(said)) return new RequestError('INPUT_DATA', `the model refused the request: ${said}`);
  return new RequestError('INFERENCE_FAILED', `the model failed on this request: ${said}`);
}

const PROVIDER_FAILURE = /ExecutionProvider|CUDA|cudnn|TensorRT|Failed to load (?:shared )?library|provider/i;

/** Whether it was the provider that failed, rather than the file. @param path may hold any of those words itself */
export function isProviderFailure(message: string, path: string): boolean {
  return PROVIDER_FAILURE.test(message.replaceAll(path, ''));
}

/** What each provider needs beside onnxruntime-node. */
const NEEDS: Record<Exclude<Provider, 'cpu'>, string> = {
  cuda: 'libonnxruntime_providers_shared.so and libonnxruntime_providers_cuda.so, CUDA 12 and cuDNN 9',
  tensorrt: 'libonnxruntime_providers_shared.so and libonnxruntime_providers_tensorrt.so, CUDA 12 and TensorRT 10',
};

export function providerMissing(provider: Exclude<Provider, 'cpu'>, device: number, message: string): LoadError {
  const said = message.trim().slice(0, 500);
  const mend = /invalid device ordinal|no CUDA-capable device|device_id|cudaSetDevice/i.test(said)
    ? `check that the replica has a GPU and that serving.session.device (now ${device}) counts one that it sees`
    : `use a runtime image that has ${NEEDS[provider]} (docs/how-to/gpu.md)`;
  const or = `or list 'cpu' after '${provider}' in serving.session.executionProviders to go on without it`;
  return new LoadError(
    'PROVIDER_MISSING',
    `execution provider '${provider}' is not available: ${said}; ${mend}, ${or}`,
  );
}
