/** Tensors without values whose other dimensions are large: nothing stands behind these. */
import { describe, expect, test } from 'vitest';
import { isHollow, type TensorSpec } from '../../../runtime/protocol/signature.ts';
import { ask, infer, run } from '../harness.ts';
import { onnx } from '../onnx-builder.ts';

const SUM = onnx({
  initializers: [{ name: 'axes', element: 'INT64', dims: [1], data: Buffer.from(BigInt64Array.of(1n).buffer) }],
  inputs: [{ name: 'x', element: 'FP32', shape: ['n', 'length'] }],
  outputs: [{ name: 'y', element: 'FP32', shape: ['n', 1] }],
  nodes: [{ op: 'ReduceSum', inputs: ['x', 'axes'], outputs: ['y'] }],
});
const request = (shape: number[]) => ({ inputs: [{ name: 'x', datatype: 'FP32', shape, data: [] }] });

describe('shapes', () => {
  const free: TensorSpec = { name: 'x', datatype: 'FP32', shape: [-1, 3, -1, -1] };
  const any: TensorSpec = { name: 'x', datatype: 'FP32', shape: [], anyRank: true };
  test.each<[TensorSpec, number[], boolean]>([
    [free, [0, 3, 224, 224], false],
    [free, [70_000, 3, 1, 1], false],
    [free, [70_000, 3, 0, 1], true],
    [free, [300, 3, 300, 0], true],
    [{ ...free, shape: [-1, 100_000] }, [0, 100_000], false],
    [any, [0, 64], false],
    [any, [2 ** 40, 2 ** 40, 0], true],
    [any, [], false],
  ])('%o %j', (spec, shape, hollow) => {
    expect(isHollow(shape, spec)).toBe(hollow);
  });
});

test('an empty row is answered, and many of none are refused as the fault of who asks', async () => {
  const running = await run({ model: SUM, serving: { protocols: ['rest', 'sagemaker'] } });
  expect((await infer(running, request([3, 0]))).json.outputs[0].data).toEqual([0, 0, 0]);
  for (const rows of [2_000_000, 2 ** 53 - 1]) {
    const { status, json } = await infer(running, request([rows, 0]));
    expect([status, json.code]).toEqual([400, 'INPUT_SHAPE']);
  }
  const dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2000000, 0), }".padEnd(117);
  const body = Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(`${dict}\n`)]);
  const npy = await ask(`${running.entry}/invocations`, body, { headers: { 'content-type': 'application/x-npy' } });
  expect(npy.json.code).toBe('INPUT_SHAPE');
});
