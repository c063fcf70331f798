/** A model whose run takes as long as the request asks for. */
import { onnx } from './onnx-builder.ts';

const PRODUCTS = 8;

/** Inputs: `x` FP32 [1], `s` INT64 [2], a square whose powers are computed. */
export const SLOW = onnx({
  inputs: [
    { name: 'x', element: 'FP32', shape: [1] },
    { name: 's', element: 'INT64', shape: [2] },
  ],
  outputs: [{ name: 'y', element: 'FP32', shape: [] }],
  nodes: [
    { op: 'Expand', inputs: ['x', 's'], outputs: ['m0'] },
    ...Array.from({ length: PRODUCTS }, (_, i) => ({ op: 'MatMul', inputs: [`m${i}`, 'm0'], outputs: [`m${i + 1}`] })),
    { op: 'ReduceMax', inputs: [`m${PRODUCTS}`], outputs: ['y'], ints: { keepdims: 0 } },
  ],
});

/** A request whose run takes some 10 ms for a side of 256, 8 times as long for twice the side. */
export function slowRequest(side: number) {
  return {
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [1], data: [0] },
      { name: 's', datatype: 'INT64', shape: [2], data: [side, side] },
    ],
  };
}
