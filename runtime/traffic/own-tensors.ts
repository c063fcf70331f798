/** Tensors that outlive the request that they came with, and what they take. Pure. */
import type { Tensor, TensorData } from '../protocol/datatypes.ts';

/** Of a text beside its characters. */
const TEXT_BYTES = 32;

/** With values in memory of their own: a part of a merged run is a view that would keep all of it. */
export function ownOf(tensor: Tensor): Tensor {
  const { data } = tensor;
  if (Array.isArray(data)) return tensor;
  // A Buffer's own `slice` is a view.
  return { ...tensor, data: data instanceof Uint8Array ? new Uint8Array(data) : data.slice() };
}

/** What their values take in memory. */
export function bytesOf(tensors: readonly Tensor[]): number {
  let sum = 0;
  for (const { data } of tensors) sum += sizeOf(data);
  return sum;
}

function sizeOf(data: TensorData): number {
  if (!Array.isArray(data)) return data.byteLength;
  let sum = 0;
  for (const text of data) sum += TEXT_BYTES + 2 * text.length;
  return sum;
}
