/** Outputs of an answer in JSON, as a rollout's `disagreement` compares them. Pure. */
import { type ComparedTensor, isLabel } from '../../api/compare.ts';

/** Of the Open Inference Protocol, as `parseExact` reads it. */
export interface OutputTensor {
  name: string;
  datatype: string;
  shape: number[];
  data: unknown[];
}

export function comparable({ data, ...tensor }: OutputTensor): ComparedTensor {
  return { ...tensor, data: data.map(isLabel(tensor.datatype) ? exact : Number) };
}

/** Whole numbers that JavaScript cannot hold come as `rawJSON`. */
function exact(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? BigInt((value as { rawJSON: string }).rawJSON) : value;
}
