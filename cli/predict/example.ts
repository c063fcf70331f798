/** A made-up request for a model, from its signature: zeros and one-letter words. Pure. */
import type { TensorMetadata } from '../../api/pod-report.ts';
import type { ModelMetadata } from './client.ts';

export interface RequestTensor {
  name: string;
  datatype: string;
  shape: number[];
  data: unknown[];
}

export interface OipRequest {
  inputs: RequestTensor[];
}

/** One item: every dimension that is not fixed is 1. */
export function exampleRequest({ inputs }: Pick<ModelMetadata, 'inputs'>): OipRequest {
  return {
    inputs: inputs.map(({ name, datatype, shape }) => {
      const fixed = shape.map((size) => (size < 0 ? 1 : size));
      const size = fixed.reduce((product, n) => product * n, 1);
      return { name, datatype, shape: fixed, data: new Array(size).fill(exampleValue(datatype)) };
    }),
  };
}

function exampleValue(datatype: string): unknown {
  if (datatype === 'BYTES') return 'a';
  return datatype === 'BOOL' ? false : 0;
}

/** `FP32 [n, 64]`: a dimension that is not fixed is called n. */
export function typeText({ datatype, shape }: Pick<TensorMetadata, 'datatype' | 'shape'>): string {
  return `${datatype} ${shapeText(shape)}`;
}

export function shapeText(shape: readonly number[]): string {
  return `[${shape.map((size) => (size < 0 ? 'n' : size)).join(', ')}]`;
}
