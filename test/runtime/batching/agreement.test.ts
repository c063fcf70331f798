import { describe, expect, test } from 'vitest';
import { agree } from '../../../runtime/batching/agreement.ts';
import type { Datatype, Tensor, TensorData } from '../../../runtime/protocol/datatypes.ts';

const tensor = (datatype: Datatype, data: TensorData, shape = [data.length]): Tensor => ({
  name: 'y',
  datatype,
  shape,
  data,
});
const floats = (...values: number[]) => tensor('FP32', Float32Array.from(values));

describe('two answers to one question agree', () => {
  const cases: [string, boolean, Tensor, Tensor][] = [
    ['if they are the same', true, floats(1, -2, 0), floats(1, -2, 0)],
    ['if they were rounded otherwise', true, floats(1, -2, 1e-9), floats(1.00001, -2, 0)],
    ['if a scale was taken from more values', true, floats(0.5, -0.3, 0.1), floats(0.51, -0.29, 0.1)],
    ['not if one is a share of more rows', false, floats(1), floats(0.5)],
    ['not if a value has another sign', false, floats(1, -1), floats(1, 1)],
    ['if both are empty', true, floats(), floats()],
    [
      'if both say NaN or infinity in the same places',
      true,
      floats(Number.NaN, Infinity, 1),
      floats(Number.NaN, Infinity, 1),
    ],
    ['not if only one says NaN', false, floats(Number.NaN), floats(1)],
    ['not if only one says infinity', false, floats(Infinity, 1), floats(1e30, 1)],
    [
      'not if their shapes differ',
      false,
      tensor('FP32', new Float32Array(4), [2, 2]),
      tensor('FP32', new Float32Array(4), [1, 4]),
    ],
    [
      'not if their ranks differ',
      false,
      tensor('FP32', new Float32Array(4), [4]),
      tensor('FP32', new Float32Array(4), [1, 4]),
    ],
    ['as whole numbers', true, tensor('INT64', BigInt64Array.of(3n, 4n)), tensor('INT64', BigInt64Array.of(3n, 4n))],
    [
      'not as other whole numbers',
      false,
      tensor('INT64', BigInt64Array.of(3n, 4n)),
      tensor('INT64', BigInt64Array.of(4n, 3n)),
    ],
    ['as texts', true, tensor('BYTES', ['a', '']), tensor('BYTES', ['a', ''])],
    ['not as other texts', false, tensor('BYTES', ['a', '']), tensor('BYTES', ['a', 'b'])],
    [
      'as FP16, by its number: 1 and 1.001',
      true,
      tensor('FP16', Uint16Array.of(0x3c00)),
      tensor('FP16', Uint16Array.of(0x3c01)),
    ],
    ['not as FP16: 1 and 2', false, tensor('FP16', Uint16Array.of(0x3c00)), tensor('FP16', Uint16Array.of(0x4000))],
    ['as FP16 NaN of other bits', true, tensor('FP16', Uint16Array.of(0x7e00)), tensor('FP16', Uint16Array.of(0x7e01))],
    [
      'not as FP16 infinities of other sign',
      false,
      tensor('FP16', Uint16Array.of(0x7c00)),
      tensor('FP16', Uint16Array.of(0xfc00)),
    ],
    [
      'as FP16 that are next to nothing',
      true,
      tensor('FP16', Uint16Array.of(0x0001)),
      tensor('FP16', Uint16Array.of(0x8001)),
    ],
  ];
  test.each(cases)('%s', (_, expected, a, b) => {
    expect(agree([a], [b])).toBe(expected);
  });
});
