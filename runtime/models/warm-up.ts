/** Made-up requests that are run before a model takes traffic: the first runs allocate, and show what can't run at all. */
import { LoadError } from '../errors.ts';
import { sizeOf, type Tensor, zeros } from '../protocol/datatypes.ts';
import type { Signature, TensorSpec } from '../protocol/signature.ts';
import type { Run } from './runner.ts';

/** Zeros and empty strings, with 1 for each dimension that is not fixed. */
export function madeUpInputs(signature: Signature): Tensor[] {
  return signature.inputs.map(({ name, datatype, shape }) => {
    const concrete = shape.map((dim) => (dim === -1 ? 1 : dim));
    return { name, datatype, shape: concrete, data: zeros(datatype, sizeOf(concrete)) };
  });
}

const isOpen = ({ shape, anyRank }: TensorSpec) => anyRank === true || shape.includes(-1);

/**
 * Runs `requests` made-up requests.
 * @throws LoadError WARMUP_FAILED, if every input is of a fixed shape. With open shapes a failure proves nothing (a
 *   model may ask for more of a dimension than its signature says): it is told as a warning and ends the warm-up.
 */
export async function warmUp(
  signature: Signature,
  run: Run,
  requests: number,
  warn: (message: string) => void,
): Promise<void> {
  try {
    const inputs = madeUpInputs(signature);
    const outputs = signature.outputs.map((spec) => spec.name);
    for (let done = 0; done < requests; done++) await run(inputs, outputs);
  } catch (error) {
    const { message } = error as Error;
    if (!signature.inputs.some(isOpen)) throw new LoadError('WARMUP_FAILED', `a made-up request failed: ${message}`);
    warn(`the warm-up's made-up request failed, which open shapes allow; going on unwarmed: ${message}`);
  }
}
