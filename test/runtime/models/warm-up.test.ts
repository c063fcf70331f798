import { describe, expect, test } from 'vitest';
import { madeUpInputs, measure, warmUp } from '../../../runtime/models/warm-up.ts';
import type { Tensor } from '../../../runtime/protocol/datatypes.ts';
import type { Signature, TensorSpec } from '../../../runtime/protocol/signature.ts';
import { FakeClock } from '../fake-clock.ts';

const spec = (name: string, ...shape: number[]): TensorSpec => ({ name, datatype: 'FP32', shape });
const signature = (inputs: TensorSpec[], outputs = [spec('y', -1)]): Signature => ({ inputs, outputs });

/** Measures a model that takes some ms for a shape. @returns also the shapes of the first input of each run */
async function measured(of: Signature, ms: (shape: readonly number[]) => number, maxBatchSize = 32) {
  const clock = new FakeClock();
  const runs: string[] = [];
  const run = async (inputs: readonly Tensor[]) => {
    const { shape } = inputs[0] as Tensor;
    runs.push(shape.join('x'));
    clock.advance(ms(shape));
    return [];
  };
  return { result: await measure(of, run, maxBatchSize, clock), runs: [...new Set(runs)], count: runs.length };
}

describe('the measure', () => {
  test('doubles the batch up to the largest, while runs are tiny', async () => {
    const { result, runs } = await measured(signature([spec('x', -1, 4)]), ([n = 0]) => n * 0.01, 24);
    expect(result).toEqual({ items: 24, ms: expect.closeTo(0.24), guessed: false });
    expect(runs).toEqual(['1x4', '2x4', '4x4', '8x4', '16x4', '24x4']);
  });

  test('ends with the first batch that is not tiny', async () => {
    const { result, runs } = await measured(signature([spec('x', -1, 4)]), ([n = 0]) => n * 0.3);
    expect(result).toEqual({ items: 4, ms: expect.closeTo(1.2), guessed: false });
    expect(runs).toEqual(['1x4', '2x4', '4x4']);
  });

  test.each([
    [200, 2],
    [4_000, 2],
    [6_000, 1],
  ])('looks at a model of %i ms %i times', async (ms, times) => {
    const { result, count } = await measured(signature([spec('x', -1, 4)]), () => ms);
    expect([result, count]).toEqual([{ items: 1, ms, guessed: false }, times]);
  });

  test('one pause of the machine of some seconds does not make a tiny model a slow one', async () => {
    for (const paused of [1, 2, 3, 4, 5, 6]) {
      let run = 0;
      const { result } = await measured(signature([spec('x', -1, 4)]), () => (++run === paused ? 4_000 : 0.01));
      expect(result).toEqual({ items: 32, ms: expect.closeTo(0.01), guessed: false });
    }
  });

  test('takes the shortest of some runs: the first ones allocate', async () => {
    let first = true;
    const { result } = await measured(signature([spec('x', 1, 4)]), () => {
      const ms = first ? 5 : 0.5;
      first = false;
      return ms;
    });
    expect(result).toEqual({ items: 1, ms: 0.5, guessed: false });
  });

  test.each([
    ['a first dimension that is fixed', signature([spec('x', 1, 3)])],
    ['an input of one', signature([spec('x', -1, 3), spec('state', 2, -1)])],
    ['an output of one', signature([spec('x', -1, 3)], [spec('y', 1)])],
  ])('tries no batch with %s', async (_why, of) => {
    expect((await measured(of, () => 0.1)).result).toMatchObject({ items: 1, ms: 0.1 });
  });

  test('open dimensions: the first of an input counts items, those after it are of a usual size', () => {
    const of = signature([spec('x', -1, 3, -1, -1), spec('state', 2, -1, 128), spec('sr')]);
    const shapes = madeUpInputs(of, { items: 4, inner: 64 }).map(({ shape }) => shape);
    expect(shapes).toEqual([[4, 3, 64, 64], [2, 4, 128], []]);
    const one = signature([spec('ids', 1, -1), spec('mask', 1, -1)]);
    expect(madeUpInputs(one, { items: 1, inner: 64 }).map(({ shape }) => shape)).toEqual([
      [1, 64],
      [1, 64],
    ]);
  });

  test('a model that can not be run, or only with shapes too large to make up, is not measured', async () => {
    const failing = () => {
      throw new Error('no');
    };
    expect((await measured(signature([spec('x', -1, -1)]), failing)).result).toBeUndefined();
    const { result, count } = await measured(signature([spec('x', -1, 2 ** 40)]), () => 0);
    expect([result, count]).toEqual([undefined, 0]);
  });

  test('a batch that can not be run: what was measured before it counts', async () => {
    const { result } = await measured(signature([spec('x', -1, 4)]), ([n = 0]) => {
      if (n > 2) throw new Error('no more than two');
      return 0.1;
    });
    expect(result).toMatchObject({ items: 2, ms: expect.closeTo(0.1) });
  });
});

test('no requests, no runs', async () => {
  const run = () => expect.unreachable();
  expect(await warmUp(signature([spec('x', 1)]), run, 0, () => {})).toBe(true);
});

describe('shapes that are open inside', () => {
  const of = signature([spec('x', -1, -1), spec('state', 2, -1, 128)]);
  /** Runs only frames of this length. */
  const frames = (length: number, seen: number[] = []) => ({
    seen,
    run: async ([x]: readonly Tensor[]) => {
      seen.push(x?.shape[1] as number);
      if (x?.shape[1] !== length) throw new Error('another length, please');
      return [];
    },
  });

  test('some usual sizes are tried until one can be run', async () => {
    const { run, seen } = frames(256);
    expect(await warmUp(of, run, 2, () => expect.unreachable())).toBe(true);
    expect(seen).toEqual([1, 64, 128, 256, 256]);
    expect(await measure(of, run, 32, new FakeClock())).toEqual({ items: 1, ms: 0, guessed: true });
  });

  test('none can: a warning with the first reason, and no measure', async () => {
    const { run } = frames(7);
    const warnings: string[] = [];
    expect(await warmUp(of, run, 2, (message) => void warnings.push(message))).toBe(false);
    expect(warnings).toEqual([expect.stringContaining('another length')]);
    expect(await measure(of, run, 32, new FakeClock())).toBeUndefined();
  });
});
