import { describe, expect, test } from 'vitest';
import { type CompareRule, comparedOutputs, DEFAULT_RULE, difference } from '../../api/compare.ts';
import { ARRAYS, DATATYPES, type Datatype, type Tensor } from '../../runtime/protocol/datatypes.ts';
import fc from '../properties.ts';

function tensor(name: string, datatype: Datatype, data: readonly unknown[], shape?: readonly number[]): Tensor {
  if (datatype === 'BYTES') return { name, datatype, shape: shape ?? [data.length], data: data as string[] };
  const Values = ARRAYS[datatype] as unknown as new (values: readonly unknown[]) => Tensor['data'];
  return { name, datatype, shape: shape ?? [data.length], data: new Values(data) };
}

const fp16 = (...values: number[]): Tensor => {
  const halves = Float16Array.from(values);
  return { name: 'y', datatype: 'FP16', shape: [values.length], data: new Uint16Array(halves.buffer) };
};
const fp32 = (...values: number[]) => tensor('y', 'FP32', values);
const rule = (changes: Partial<CompareRule> = {}): CompareRule => ({ ...DEFAULT_RULE, ...changes });

type Row = [name: string, stable: Tensor[], other: Tensor[], rule: CompareRule, reason: string | undefined];

const ROWS: Row[] = [
  ['the same numbers', [fp32(1, 2)], [fp32(1, 2)], rule(), undefined],
  ['within the absolute tolerance', [fp32(0)], [fp32(0.00009)], rule(), undefined],
  [
    'beyond the absolute tolerance',
    [fp32(0, 0)],
    [fp32(0, 0.5)],
    rule(),
    "output 'y'[1]: 0 became 0.5, 0.5 off, allowed 0.0001",
  ],
  ['within the relative tolerance', [fp32(1_000)], [fp32(1_000.9)], rule(), undefined],
  [
    'the tolerance is that of the stable version',
    [fp32(0)],
    [fp32(1)],
    rule({ relative: 0.9 }),
    "output 'y'[0]: 0 became 1, 1 off, allowed 0.0001",
  ],
  ['no tolerance at all', [fp32(1)], [fp32(1)], rule({ absolute: 0, relative: 0 }), undefined],
  ['NaN in both', [fp32(Number.NaN)], [fp32(Number.NaN)], rule(), undefined],
  ['NaN in one', [fp32(Number.NaN)], [fp32(1)], rule(), "output 'y'[0]: NaN became 1, NaN off, allowed NaN"],
  ['NaN in the other', [fp32(1)], [fp32(Number.NaN)], rule(), "output 'y'[0]: 1 became NaN, NaN off, allowed 0.0011"],
  ['the same infinity', [fp32(Infinity, -Infinity)], [fp32(Infinity, -Infinity)], rule(), undefined],
  [
    'infinity became a number: within no bound',
    [fp32(Infinity)],
    [fp32(1)],
    rule(),
    "output 'y'[0]: Infinity became 1, Infinity off, allowed Infinity",
  ],
  [
    'the other infinity',
    [fp32(Infinity)],
    [fp32(-Infinity)],
    rule(),
    "output 'y'[0]: Infinity became -Infinity, Infinity off, allowed Infinity",
  ],
  ['minus zero is zero', [fp32(0)], [fp32(-0)], rule({ absolute: 0 }), undefined],
  ['halves are read as numbers', [fp16(1, 2)], [fp16(1, 2.0019531)], rule(), undefined],
  ['halves that are far', [fp16(1, 2)], [fp16(1, 3)], rule(), "output 'y'[1]: 2 became 3, 1 off, allowed 0.0021"],
  [
    'labels exactly',
    [tensor('label', 'INT64', [1n, 2n, 3n, 7n])],
    [tensor('label', 'INT64', [1n, 2n, 3n, 1n])],
    rule({ absolute: 100 }),
    "output 'label'[3]: 7 became 1",
  ],
  [
    'large labels, which no number holds',
    [tensor('label', 'INT64', [2n ** 60n])],
    [tensor('label', 'INT64', [2n ** 60n + 1n])],
    rule(),
    "output 'label'[0]: 1152921504606846976 became 1152921504606846977",
  ],
  [
    'texts',
    [tensor('name', 'BYTES', ['cat', 'dog'], [1, 2])],
    [tensor('name', 'BYTES', ['cat', 'cow'], [1, 2])],
    rule(),
    "output 'name'[0,1]: 'dog' became 'cow'",
  ],
  ['bools', [tensor('ok', 'BOOL', [1])], [tensor('ok', 'BOOL', [0])], rule(), "output 'ok'[0]: true became false"],
  ['a scalar', [tensor('n', 'INT8', [1], [])], [tensor('n', 'INT8', [2], [])], rule(), "output 'n': 1 became 2"],
  ['no values', [tensor('n', 'FP32', [], [0, 3])], [tensor('n', 'FP32', [], [0, 3])], rule(), undefined],
  ['another shape', [fp32(1)], [tensor('y', 'FP32', [1], [1, 1])], rule(), "output 'y': shape [1] became [1,1]"],
  ['another datatype', [fp32(1)], [tensor('y', 'FP64', [1])], rule(), "output 'y': datatype FP32 became FP64"],
  ['a missing output', [fp32(1)], [tensor('z', 'FP32', [1])], rule(), "output 'y' is missing"],
  ['one output too many is no difference', [fp32(1)], [tensor('z', 'FP32', [1]), fp32(1)], rule(), undefined],
  [
    'the same best two in another order',
    [tensor('y', 'FP32', [0.1, 0.5, 0.4], [1, 3])],
    [tensor('y', 'FP32', [0, 0.4, 0.6], [1, 3])],
    rule({ topK: 2 }),
    undefined,
  ],
  [
    'another best two, in the second row',
    [tensor('y', 'FP32', [3, 2, 1, 3, 2, 1], [2, 3])],
    [tensor('y', 'FP32', [3, 2, 1, 3, 0, 1], [2, 3])],
    rule({ topK: 2 }),
    "output 'y'[1]: 1 is no longer among the indices of the 2 largest, 2 is",
  ],
  ['of equals the first counts', [fp32(1, 1, 0)], [fp32(1, 1, 0)], rule({ topK: 1 }), undefined],
  ['as many as there are', [fp32(1, 2)], [fp32(2, 1)], rule({ topK: 2 }), undefined],
  ['NaN is never among the best', [fp32(Number.NaN, 1, 2)], [fp32(0, 1, 2)], rule({ topK: 2 }), undefined],
  [
    'labels are exact whatever K',
    [tensor('l', 'INT8', [1, 2])],
    [tensor('l', 'INT8', [2, 1])],
    rule({ topK: 1 }),
    "output 'l'[0]: 1 became 2",
  ],
];

test.each(ROWS)('%s', (_name, stable, other, by, reason) => {
  expect(difference(stable, other, by)).toBe(reason);
});

describe('which outputs', () => {
  const label = tensor('label', 'INT64', [1n]);
  const score = fp32(1);
  const names = (tensors: readonly Tensor[]) => tensors.map(({ name }) => name);
  test.each([
    ['labels, where the model has any', [label, score], [label, score], undefined, ['label']],
    ['all, where it has none', [score], [score], undefined, ['y']],
    ['none, where only scores were asked for', [score], [label, score], undefined, []],
    ['those that are named', [label, score], [label, score], ['y'], ['y']],
    ['of those that are named the ones that were asked for', [label], [label, score], ['y'], []],
  ])('%s', (_name, answered, model, outputs, expected) => {
    expect(names(comparedOutputs(answered, model, { ...(outputs && { outputs }) }))).toEqual(expected);
  });
});

const someTensor = fc
  .record({
    datatype: fc.constantFrom(...DATATYPES),
    shape: fc.array(fc.nat(4), { maxLength: 3 }),
    fill: fc.double(),
  })
  .map(({ datatype, shape, fill }): Tensor => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    if (datatype === 'BYTES') return { name: 'y', datatype, shape, data: Array(size).fill(String(fill)) };
    const bytes = new Uint8Array(size * ARRAYS[datatype].BYTES_PER_ELEMENT);
    for (let i = 0; i < bytes.length; i++) bytes[i] = datatype === 'BOOL' ? i % 2 : (i * 37 + Math.trunc(fill)) & 255;
    return { name: 'y', datatype, shape, data: new ARRAYS[datatype](bytes.buffer, 0, size) };
  });

describe('laws', () => {
  test('an answer is like itself, whatever the rule', () => {
    const rules = fc.record(
      { absolute: fc.double({ min: 0 }), relative: fc.double({ min: 0 }), topK: fc.integer({ min: 1, max: 5 }) },
      { requiredKeys: ['absolute', 'relative'] },
    );
    fc.assert(
      fc.property(someTensor, rules, (one, by) => {
        expect(difference([one], [structuredClone(one)], by as CompareRule)).toBeUndefined();
      }),
    );
  });

  test('numbers are alike exactly when |a − b| ≤ absolute + relative · |a|', () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
    const small = fc.double({ noNaN: true, min: 0, max: 1 });
    fc.assert(
      fc.property(finite, finite, small, small, (a, b, absolute, relative) => {
        const alike = difference([tensor('y', 'FP64', [a])], [tensor('y', 'FP64', [b])], { absolute, relative });
        expect(alike === undefined).toBe(Math.abs(a - b) <= absolute + relative * Math.abs(a));
      }),
    );
  });

  test('the best K are those that sorting finds', () => {
    const rows = fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(rows, rows, fc.integer({ min: 1, max: 6 }), (a, b, topK) => {
        const best = (row: number[]) => {
          const order = row.map((_, index) => index).sort((i, j) => (row[j] as number) - (row[i] as number));
          return new Set(order.slice(0, topK));
        };
        const same = best(a).symmetricDifference(best(b)).size === 0;
        const why = difference([tensor('y', 'FP64', a)], [tensor('y', 'FP64', b)], rule({ topK }));
        expect(why === undefined).toBe(same);
      }),
    );
  });
});
