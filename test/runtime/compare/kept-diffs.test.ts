import { describe, expect, test } from 'vitest';
import { diffs } from '../../../api/diffs.ts';
import { DIFF_BYTES, type Differing, KeptDiffs } from '../../../runtime/compare/kept-diffs.ts';
import { ARRAYS, DATATYPES, type Tensor } from '../../../runtime/protocol/datatypes.ts';
import fc from '../../properties.ts';

const V2 = new Set(['v1', 'v2']);
const differing = (at: number, changes: Partial<Differing> = {}): Differing => ({
  at,
  version: 'v2',
  reason: `difference ${at}`,
  inputs: [],
  stable: [],
  canary: [],
  ...changes,
});
const times = (kept: KeptDiffs) => kept.list().map(({ at }) => new Date(at).getTime());

function kept(most: number): KeptDiffs {
  const ring = new KeptDiffs();
  ring.use(most, V2);
  return ring;
}

describe('how many are kept', () => {
  test('none until the table says so', () => {
    const ring = new KeptDiffs();
    ring.keep(differing(1));
    expect(ring.list()).toEqual([]);
  });

  test('the newest, the newest first', () => {
    const ring = kept(3);
    for (let at = 1; at <= 5; at++) ring.keep(differing(at));
    expect(times(ring)).toEqual([5, 4, 3]);
    ring.use(2, V2);
    expect(times(ring)).toEqual([5, 4]);
  });

  test('switched off, they are gone, also when it is switched on again', () => {
    const ring = kept(3);
    ring.keep(differing(1));
    ring.use(0, V2);
    ring.use(3, V2);
    expect(ring.list()).toEqual([]);
  });

  test('those of a version that left are gone', () => {
    const ring = kept(3);
    ring.keep(differing(1));
    ring.keep(differing(2, { version: 'v3' }));
    ring.use(3, new Set(['v1', 'v3']));
    expect(times(ring)).toEqual([2]);
  });
});

describe('what is kept', () => {
  test('values as answers have them', () => {
    const ring = kept(1);
    const bits = new Uint16Array(Float16Array.of(0.5).buffer);
    const stable: Tensor[] = [
      { name: 'a', datatype: 'FP32', shape: [3], data: Float32Array.of(0.25, Number.NaN, Number.POSITIVE_INFINITY) },
      { name: 'b', datatype: 'INT64', shape: [2], data: BigInt64Array.of(7n, 2n ** 60n) },
      { name: 'c', datatype: 'BYTES', shape: [1], data: ['cat'] },
      { name: 'd', datatype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) },
      { name: 'e', datatype: 'FP16', shape: [], data: bits },
    ];
    ring.keep(differing(0, { stable }));
    expect(ring.list()[0]?.stable.map(({ data }) => data)).toEqual([
      [0.25, 'NaN', 'Infinity'],
      [7, '1152921504606846976'],
      ['cat'],
      [true, false],
      [0.5],
    ]);
  });

  test('is a copy', () => {
    const ring = kept(1);
    const data = Float32Array.of(1, 2);
    const body = Buffer.from(new Uint8Array([1, 2]));
    const inputs: Tensor[] = [
      { name: 'x', datatype: 'FP32', shape: [2], data },
      { name: 'y', datatype: 'UINT8', shape: [2], data: body },
    ];
    ring.keep(differing(0, { inputs }));
    data.fill(9);
    body.fill(9);
    expect(ring.list()[0]?.inputs.map((tensor) => tensor.data)).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  test('a large one is cut, and says so', () => {
    const ring = kept(1);
    const image: Tensor = {
      name: 'x',
      datatype: 'FP32',
      shape: [1, 150_528],
      data: new Float32Array(150_528).fill(1 / 3),
    };
    ring.keep(differing(0, { inputs: [image] }));
    const [shown] = ring.list()[0]?.inputs ?? [];
    expect(shown).toMatchObject({ shape: [1, 150_528], cutFrom: 150_528 });
    expect(shown?.data.length).toBeGreaterThan(1_000);
  });

  test('never more than 64 KiB as JSON, of whatever datatypes, and always by the schema', () => {
    const tensor = fc
      .record({
        datatype: fc.constantFrom(...DATATYPES),
        size: fc.constantFrom(0, 1, 5, 100, 70_000),
        seed: fc.nat(255),
      })
      .map(({ datatype, size, seed }): Tensor => {
        const head = { name: `n${seed}`, datatype, shape: [size] };
        if (datatype === 'BYTES') return { ...head, data: Array(Math.min(size, 500)).fill('\u0001'.repeat(seed * 40)) };
        const width = ARRAYS[datatype].BYTES_PER_ELEMENT;
        const bytes = new Uint8Array(size * width);
        for (let i = 0; i < bytes.length; i++) bytes[i] = datatype === 'BOOL' ? i & 1 : (i * 151 + seed) & 255;
        return { ...head, data: new ARRAYS[datatype](bytes.buffer, 0, size) };
      });
    const some = fc.array(tensor, { maxLength: 4 });
    fc.assert(
      fc.property(some, some, some, (inputs, stable, canary) => {
        const ring = kept(1);
        ring.keep(differing(0, { inputs, stable, canary, reason: '\u0001'.repeat(10_000) }));
        const list = ring.list();
        expect(Buffer.byteLength(JSON.stringify(list[0]))).toBeLessThanOrEqual(DIFF_BYTES);
        diffs.parse({ model: 'm', stable: 'v1', keep: 1, diffs: list });
      }),
      { numRuns: 40 },
    );
  });
});
