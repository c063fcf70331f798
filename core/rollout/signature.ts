/** Whether callers of the stable version can call another one: what it takes and gives, tensor by tensor. */
import type { TensorMetadata } from '../../api/pod-report.ts';
import type { Signature } from '../model.ts';

/**
 * What callers of the stable version would stumble over at the canary, in sentences; empty when nothing.
 * - Inputs: the same names; the canary takes every datatype and every shape that the stable version takes, so where the
 *   stable version takes any size (−1) it must, too.
 * - Outputs: all that the stable version gives, in the same datatype and a shape that fits; −1 fits any. Others may come
 *   with them.
 */
export function signatureProblems(stable: Signature, canary: Signature): string[] {
  return [
    ...changes('input', stable.inputs, canary.inputs, (was, is) => is === -1 || is === was),
    ...added(stable, canary),
    ...changes('output', stable.outputs, canary.outputs, (was, is) => was === -1 || is === -1 || is === was),
  ];
}

type Fits = (was: number, is: number) => boolean;

function changes(
  kind: string,
  before: readonly TensorMetadata[],
  after: readonly TensorMetadata[],
  fits: Fits,
): string[] {
  return before.flatMap((was) => {
    const is = after.find(({ name }) => name === was.name);
    if (!is) return [`${kind} '${was.name}': ${words(was)} is gone`];
    return alike(was, is, fits) ? [] : [`${kind} '${was.name}': ${words(was)} became ${words(is)}`];
  });
}

function added(stable: Signature, canary: Signature): string[] {
  const known = new Set(stable.inputs.map(({ name }) => name));
  return canary.inputs
    .filter(({ name }) => !known.has(name))
    .map((tensor) => `input '${tensor.name}': ${words(tensor)} is needed in addition`);
}

function alike(was: TensorMetadata, is: TensorMetadata, fits: Fits): boolean {
  if (was.datatype !== is.datatype || was.shape.length !== is.shape.length) return false;
  return was.shape.every((size, i) => fits(size, is.shape[i] as number));
}

function words({ datatype, shape }: TensorMetadata): string {
  return `${datatype} [${shape.join(',')}]`;
}
