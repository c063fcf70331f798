import { describe, expect, test } from 'vitest';
import { difference } from '../../../runtime/golden/compare.ts';
import type { Datatype, Tensor, TensorData } from '../../../runtime/protocol/datatypes.ts';

const tensor = (datatype: Datatype, shape: number[], data: TensorData): Tensor => ({
  name: 'y',
  datatype,
  shape,
  data,
});
const fp32 = (...values: number[]) => tensor('FP32', [values.length], Float32Array.from(values));
const int64 = (...values: bigint[]) => tensor('INT64', [values.length], BigInt64Array.from(values));
const fp16 = (...values: number[]) =>
  tensor('FP16', [values.length], new Uint16Array(Float16Array.from(values).buffer));
const text = (...values: string[]) => tensor('BYTES', [values.length], values);

describe('the same', () => {
  test.each<[string, Tensor, Tensor]>([
    ['equal numbers', fp32(1, 2), fp32(1, 2)],
    ['within the tolerance', fp32(1), fp32(1.05)],
    ['NaN and NaN', fp32(Number.NaN), fp32(Number.NaN)],
    ['infinity and infinity', fp32(Number.POSITIVE_INFINITY), fp32(Number.POSITIVE_INFINITY)],
    ['zero and minus zero', fp32(0), fp32(-0)],
    ['half precision within it', fp16(0.5), fp16(0.55)],
    ['double precision within it', tensor('FP64', [1], Float64Array.of(1)), tensor('FP64', [1], Float64Array.of(1.05))],
    ['labels', int64(2n ** 60n + 1n), int64(2n ** 60n + 1n)],
    ['texts', text('a', 'é'), text('a', 'é')],
    ['no values', fp32(), fp32()],
  ])('%s', (_name, expected, got) => {
    expect(difference(expected, got, 0.1)).toBeUndefined();
  });
});

describe('another', () => {
  test.each<[string, Tensor, Tensor | undefined, string]>([
    ['beyond the tolerance', fp32(0, 1), fp32(0, 1.2), "output 'y'[1]: expected 1, got 1.2"],
    ['a little beyond it', fp32(1), fp32(1.11), "output 'y'[0]: expected 1, got 1.11"],
    ['NaN for a number', fp32(1), fp32(Number.NaN), "output 'y'[0]: expected 1, got NaN"],
    ['a number for NaN', fp32(Number.NaN), fp32(1), "output 'y'[0]: expected NaN, got 1"],
    [
      'another infinity',
      fp32(Number.POSITIVE_INFINITY),
      fp32(Number.NEGATIVE_INFINITY),
      'expected Infinity, got -Infinity',
    ],
    ['an infinity for a number', fp32(1), fp32(Number.POSITIVE_INFINITY), 'got Infinity'],
    ['half precision', fp16(0.5), fp16(1), "output 'y'[0]: expected 0.5, got 1"],
    ['a label one beside it: no tolerance', int64(7n), int64(8n), "output 'y'[0]: expected 7, got 8"],
    ['a label that a double takes for the same', int64(2n ** 60n), int64(2n ** 60n + 1n), 'got 1152921504606846977'],
    ['a text', text('cat'), text('dog'), `output 'y'[0]: expected "cat", got "dog"`],
    [
      'a truth',
      tensor('BOOL', [1], Uint8Array.of(1)),
      tensor('BOOL', [1], Uint8Array.of(0)),
      'expected true, got false',
    ],
    [
      'in the second row',
      tensor('FP32', [2, 3], new Float32Array(6)),
      tensor('FP32', [2, 3], Float32Array.of(0, 0, 0, 0, 0, 5)),
      "output 'y'[1,2]: expected 0, got 5",
    ],
    [
      'a scalar',
      tensor('FP32', [], Float32Array.of(1)),
      tensor('FP32', [], Float32Array.of(2)),
      "output 'y': expected 1, got 2",
    ],
    [
      'another shape',
      fp32(1),
      tensor('FP32', [1, 1], Float32Array.of(1)),
      "output 'y': expected the shape [1], got [1,1]",
    ],
    ['another datatype', int64(1n), fp32(1), "output 'y': expected INT64, got FP32"],
    ['no output', fp32(1), undefined, "output 'y': it is not in the answer"],
  ])('%s', (_name, expected, got, says) => {
    expect(difference(expected, got, 0.1)).toContain(says);
  });

  test('a tolerance of 0 takes equal numbers only', () => {
    expect(difference(fp32(1), fp32(1), 0)).toBeUndefined();
    expect(difference(fp32(1), fp32(1.0000001), 0)).toContain('expected 1, got 1.0000001');
  });
});
