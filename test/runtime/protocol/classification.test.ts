import { expect, test } from 'vitest';
import { classify } from '../../../runtime/protocol/classification.ts';
import type { Datatype, TensorData } from '../../../runtime/protocol/datatypes.ts';
import fc from '../../properties.ts';

test.each<[why: string, datatype: Datatype, shape: number[], data: TensorData, most: number, wanted: string[][]]>([
  ['a list', 'FP32', [3], Float32Array.of(0.5, 2, 1), 2, [['2:1', '1:2']]],
  ['a row for each item', 'INT64', [2, 2], BigInt64Array.of(1n, 2n, 4n, 3n), 1, [['2:1'], ['4:0']]],
  ['more than there are', 'INT8', [2], Int8Array.of(-1, 1), 9, [['1:1', '-1:0']]],
  ['of equal ones the first', 'UINT8', [4], Uint8Array.of(1, 5, 5, 5), 2, [['5:1', '5:2']]],
  [
    'NaN last',
    'FP64',
    [3],
    Float64Array.of(Number.NaN, -1, Number.NEGATIVE_INFINITY),
    3,
    [['-1:1', '-Infinity:2', 'NaN:0']],
  ],
  ['half floats', 'FP16', [2], Uint16Array.of(0x3c00, 0x4000), 1, [['2:1']]],
  ['an item of several dimensions', 'INT32', [1, 2, 2], Int32Array.of(1, 2, 3, 0), 2, [['3:2', '2:1']]],
  ['no items', 'FP32', [0, 3], new Float32Array(0), 2, []],
  ['items without values', 'FP32', [2, 0], new Float32Array(0), 2, [[], []]],
  ['a scalar', 'FP32', [], Float32Array.of(7), 1, [['7:0']]],
])('%s', (_why, datatype, shape, data, most, wanted) => {
  const classes = classify({ name: 'y', datatype, shape, data }, most);
  const count = wanted[0]?.length ?? most;
  expect(classes).toEqual({
    name: 'y',
    datatype: 'BYTES',
    shape:
      shape.length > 1
        ? [
            shape[0],
            Math.min(
              most,
              shape.slice(1).reduce((a, b) => a * b, 1),
            ),
          ]
        : [count],
    data: wanted.flat(),
  });
});

test('few of many are those that a sort finds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.float(), { minLength: 40, maxLength: 60 }),
      fc.integer({ min: 1, max: 40 }),
      (values, most) => {
        const data = Float32Array.from(values);
        const all = classify({ name: 'y', datatype: 'FP32', shape: [data.length], data }, data.length).data as string[];
        const few = classify({ name: 'y', datatype: 'FP32', shape: [data.length], data }, most).data;
        expect(few).toEqual(all.slice(0, most));
      },
    ),
  );
});
