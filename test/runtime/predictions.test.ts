import { expect, test } from 'vitest';
import { outputCounts } from '../../api/pod-report.ts';
import { Predictions } from '../../runtime/predictions.ts';
import type { Tensor } from '../../runtime/protocol/datatypes.ts';
import fc from '../properties.ts';

function counting(outputs?: string[]): Predictions {
  const predictions = new Predictions();
  predictions.use({ distribution: true, ...(outputs && { outputs }) });
  return predictions;
}

const labels = (...data: number[]): Tensor => ({
  name: 'label',
  datatype: 'INT64',
  shape: [data.length],
  data: BigInt64Array.from(data, BigInt),
});
const texts = (...data: string[]): Tensor => ({ name: 'name', datatype: 'BYTES', shape: [data.length], data });
const numbers = (...data: number[]): Tensor => ({
  name: 'score',
  datatype: 'FP64',
  shape: [data.length],
  data: Float64Array.from(data),
});
const total = (counts: Record<string, number> = {}) => Object.values(counts).reduce((sum, count) => sum + count, 0);

test('off until the table asks for it; what was counted stays when it is switched off and on', () => {
  const predictions = new Predictions();
  expect([predictions.on, predictions.snapshot()]).toEqual([false, undefined]);
  predictions.use({ distribution: true });
  predictions.count([labels(1)]);
  predictions.use(undefined);
  expect([predictions.on, predictions.snapshot()]).toEqual([false, undefined]);
  predictions.use({ distribution: true });
  expect(predictions.snapshot()).toEqual({ label: { kind: 'labels', counts: { 1: 1 } } });
});

test('labels by value; the 65th and later ones together, under the empty name', () => {
  const predictions = counting();
  for (let label = 0; label < 100; label++) predictions.count([labels(label, label)]);
  const { counts } = predictions.snapshot()?.label ?? {};
  expect(Object.keys(counts ?? {})).toHaveLength(65);
  expect(counts).toMatchObject({ 0: 2, 63: 2, '': 72 });
});

test('texts are cut, bools are words', () => {
  const predictions = counting();
  const bool: Tensor = { name: 'ok', datatype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) };
  predictions.count([texts('cat', 'x'.repeat(5_000), '__proto__'), bool]);
  expect(predictions.snapshot()).toEqual({
    name: {
      kind: 'labels',
      counts: Object.fromEntries([
        ['cat', 1],
        ['x'.repeat(100), 1],
        ['__proto__', 1],
      ]),
    },
    ok: { kind: 'labels', counts: { true: 1, false: 1 } },
  });
});

test('numbers by sign and bucket of the latency sketch', () => {
  const predictions = counting();
  predictions.count([numbers(1, -1, 0, -0, Number.NaN, 1.001, 0.5)]);
  const half = Math.ceil(Math.log(0.5) / Math.log(1.02 / 0.98));
  expect(predictions.snapshot()?.score).toEqual({
    kind: 'numbers',
    counts: { '+0': 1, '-0': 1, 0: 2, nan: 1, '+1': 1, [`+${half}`]: 1 },
  });
});

test('halves are read as numbers', () => {
  const predictions = counting();
  const data = new Uint16Array(Float16Array.of(1).buffer);
  predictions.count([{ name: 'half', datatype: 'FP16', shape: [1], data }]);
  expect(predictions.snapshot()?.half?.counts).toEqual({ '+0': 1 });
});

test('the outputs that the table names, and eight at most', () => {
  const named = counting(['label']);
  named.count([labels(1), numbers(1)]);
  expect(Object.keys(named.snapshot() ?? {})).toEqual(['label']);
  const many = counting();
  many.count(Array.from({ length: 20 }, (_, i) => ({ ...labels(1), name: `o${i}` })));
  expect(Object.keys(many.snapshot() ?? {})).toHaveLength(8);
});

test('32 values of a large answer, evenly over it', () => {
  const predictions = counting();
  predictions.count([numbers(...Array.from({ length: 64_000 }, (_, i) => (i < 32_000 ? 1 : 100)))]);
  expect(Object.values(predictions.snapshot()?.score?.counts ?? {})).toEqual([16, 16]);
});

test('whatever the numbers, all are counted, in a bounded number of buckets, by the schema', () => {
  fc.assert(
    fc.property(fc.array(fc.double(), { maxLength: 32 }), (values) => {
      const predictions = counting();
      predictions.count([numbers(...values)]);
      const score = outputCounts.parse(predictions.snapshot()?.score);
      expect(total(score.counts)).toBe(values.length);
      for (const bucket of Object.keys(score.counts)) {
        expect(bucket).toMatch(/^(nan|0|[+-]-?\d+)$/);
        if (/^[+-]/.test(bucket)) expect(Math.abs(Number(bucket.slice(1)))).toBeLessThan(700);
      }
    }),
  );
});
