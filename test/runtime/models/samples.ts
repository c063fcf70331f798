/** Models for the tests of where and how models run. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionOptions, SessionPlan } from '../../../runtime/models/session-plan.ts';
import type { Datatype, Tensor, TensorData } from '../../../runtime/protocol/datatypes.ts';
import { SERVING } from '../harness.ts';
import { onnx, writeModel } from '../onnx-builder.ts';

export const SESSION: SessionOptions = SERVING.session;

export function planOf(path: string, changes: Partial<SessionPlan> = {}): SessionPlan {
  return { path, session: SESSION, optimized: false, mapWeights: false, ...changes };
}

export function tensor(name: string, datatype: Datatype, shape: readonly number[], data: TensorData): Tensor {
  return { name, datatype, shape, data };
}

/** Fixed shapes, and products of squares of this side: a run of 768 and 12 takes some 200 ms on one core. */
export function heavy(side = 768, products = 12): Buffer {
  return onnx({
    inputs: [{ name: 'x', element: 'FP32', shape: [side, 1] }],
    outputs: [{ name: 'y', element: 'FP32', shape: [1] }],
    nodes: [
      { op: 'Transpose', inputs: ['x'], outputs: ['t'] },
      { op: 'MatMul', inputs: ['x', 't'], outputs: ['m0'] },
      ...Array.from({ length: products }, (_, i) => ({
        op: 'MatMul',
        inputs: [`m${i}`, 'm0'],
        outputs: [`m${i + 1}`],
      })),
      { op: 'ReduceMax', inputs: [`m${products}`], outputs: ['most'], ints: { keepdims: 0 } },
      { op: 'Unsqueeze', inputs: ['most', 'axis'], outputs: ['y'] },
    ],
    initializers: [{ name: 'axis', element: 'INT64', dims: [1], data: Buffer.alloc(8) }],
  });
}

export const heavyInputs = (side = 768) => [tensor('x', 'FP32', [side, 1], new Float32Array(side))];
export const heavyRequest = (side = 768) => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [side, 1], data: new Array(side).fill(0) }],
});

/** `x` FP32 [n, SIDE] times a square of weights that lie in `weights.bin` beside the model. @returns the model's path */
export async function withExternalWeights(folder: string, side = 512): Promise<string> {
  const weights = Float32Array.from({ length: side * side }, (_, i) => (i % side === Math.floor(i / side) ? 2 : 0));
  await writeFile(join(folder, 'weights.bin'), Buffer.from(weights.buffer));
  const value = (name: string) => ({ name, element: 'FP32', shape: ['n', side] }) as const;
  const model = onnx({
    inputs: [value('x')],
    outputs: [value('y')],
    nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    initializers: [
      {
        name: 'w',
        element: 'FP32',
        dims: [side, side],
        data: { location: 'weights.bin', offset: 0, length: weights.byteLength },
      },
    ],
  });
  return writeModel(folder, model);
}
