import { expect, test } from 'vitest';
import { infer, run } from '../harness.ts';
import { onnx } from '../onnx-builder.ts';

test("an index that a model's table has no row for is the caller's mistake, not a failure of the version", async () => {
  const model = onnx({
    inputs: [
      { name: 'table', element: 'FP32', shape: ['n'] },
      { name: 'at', element: 'INT64', shape: ['k'] },
    ],
    outputs: [{ name: 'y', element: 'FP32', shape: ['k'] }],
    nodes: [{ op: 'Gather', inputs: ['table', 'at'], outputs: ['y'] }],
  });
  const running = await run({ model });
  const ask = (index: number) =>
    infer(running, {
      inputs: [
        { name: 'table', datatype: 'FP32', shape: [2], data: [5, 7] },
        { name: 'at', datatype: 'INT64', shape: [1], data: [index] },
      ],
    });
  expect((await ask(1)).json.outputs[0].data).toEqual([7]);
  const refused = await ask(9);
  expect([refused.status, refused.json.code]).toEqual([400, 'INPUT_DATA']);
});
