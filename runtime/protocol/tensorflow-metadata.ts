/** A signature and a load state in the words of TensorFlow Serving. Pure. */
import type { MODEL_STATES } from '../../api/status.ts';
import type { Datatype } from './datatypes.ts';
import type { Signature, TensorSpec } from './signature.ts';
import { SIGNATURE_NAME } from './tensorflow.ts';

const DTYPES: Record<Datatype, string> = {
  BOOL: 'DT_BOOL',
  INT8: 'DT_INT8',
  INT16: 'DT_INT16',
  INT32: 'DT_INT32',
  INT64: 'DT_INT64',
  UINT8: 'DT_UINT8',
  UINT16: 'DT_UINT16',
  UINT32: 'DT_UINT32',
  UINT64: 'DT_UINT64',
  FP16: 'DT_HALF',
  FP32: 'DT_FLOAT',
  FP64: 'DT_DOUBLE',
  BYTES: 'DT_STRING',
};

/** The answer of `GET …/metadata`. @see https://www.tensorflow.org/tfx/serving/api_rest#model_metadata_api */
export function signatureMetadata(name: string, version: string, { inputs, outputs }: Signature): object {
  const tensors = (specs: readonly TensorSpec[]) =>
    Object.fromEntries(specs.map((spec) => [spec.name, tensorInfo(spec)]));
  const serving = { inputs: tensors(inputs), outputs: tensors(outputs), method_name: 'tensorflow/serving/predict' };
  return {
    model_spec: { name, signature_name: '', version },
    metadata: { signature_def: { signature_def: { [SIGNATURE_NAME]: serving } } },
  };
}

function tensorInfo({ name, datatype, shape, anyRank = false }: TensorSpec): object {
  const dim = shape.map((size) => ({ size: String(size), name: '' }));
  return { dtype: DTYPES[datatype], tensor_shape: { dim, unknown_rank: anyRank }, name };
}

export interface Standing {
  state: (typeof MODEL_STATES)[number];
  ready: boolean;
  /** Why it failed, or may not be served. */
  failure: { code: string; message: string } | undefined;
}

/** One entry of `model_version_status`. @see GetModelStatusResponse of tensorflow/serving */
export function versionStatus(version: string, standing: Standing): object {
  const { failure } = standing;
  const status = failure
    ? { error_code: 'FAILED_PRECONDITION', error_message: `${failure.code}: ${failure.message}` }
    : { error_code: 'OK', error_message: '' };
  return { version, state: stateOf(standing), status };
}

function stateOf({ state, ready, failure }: Standing): string {
  if (failure) return 'END';
  if (ready) return 'AVAILABLE';
  if (state === 'Loaded') return 'UNLOADING';
  return state === 'Pending' ? 'START' : 'LOADING';
}
