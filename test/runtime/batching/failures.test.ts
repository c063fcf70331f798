/** Requests that fail a run, and models that can't be run merged after all. */
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../../runtime/protocol/datatypes.ts';
import { bench, doubled, type Model, rowsOf } from './support.ts';

describe('one that fails', () => {
  const model: Model = (inputs) => {
    if (inputs[0]?.data.includes(13 as never)) throw new Error('unlucky');
    return doubled(inputs);
  };

  test('does not fail its neighbours: they are run again, one by one', async () => {
    const { batcher, warnings, ran, submit, finishAll } = bench({ model });
    submit([0]);
    const outcomes = [[1], [13], [2, 3]].map((values) => submit(values));
    await finishAll();
    expect(ran).toEqual([[0], [1, 13, 2, 3], [1], [13], [2, 3]]);
    expect(outcomes.map(({ values, code }) => code ?? values)).toEqual([[2], 'unlucky', [4, 6]]);
    expect(outcomes[2]?.done).toMatchObject({ batch: 2, items: 2, first: true });
    expect(batcher.stats()).toMatchObject({ merging: true, repeated: 1 });
    expect(warnings).toEqual([]);
  });

  test('what hung up or expired meanwhile is not run again', async () => {
    const { clock, ran, submit, gone, finish, finishAll, batcher } = bench({ model });
    submit([0]);
    const outcomes = [submit([1]), submit([13], { timeout: 50 }), submit([2])];
    await finish();
    gone.get(1)?.();
    clock.advance(60);
    await finishAll();
    expect(ran).toEqual([[0], [1, 13, 2], [2]]);
    expect(outcomes.map(({ values, code }) => code ?? values)).toEqual(['CLIENT_GONE', 'REQUEST_TIMEOUT', [4]]);
    expect(batcher.stats().merging).toBe(true);
  });

  test('a model that did run merged is merged on, though a merged run failed for no fault of a request', async () => {
    const { batcher, warnings, ran, submit, finish, finishAll } = bench({ model });
    for (const value of [0, 1, 2]) submit([value]);
    await finishAll();
    const outcomes = [3, 4, 5].map((value) => submit([value]));
    await finish();
    await finish(new Error('out of memory'));
    await finishAll();
    expect(ran.slice(2)).toEqual([[3], [4, 5], [4], [5]]);
    expect(outcomes.map(({ values }) => values)).toEqual([[6], [8], [10]]);
    expect([warnings, batcher.stats().merging]).toEqual([[], true]);
  });

  test('a tensor that is not as long as its shape says never lends its rows to another', async () => {
    const { submit, finishAll } = bench();
    submit([0]);
    const long: Tensor = { ...rowsOf([1]), data: Float32Array.of(1, 7) };
    const short: Tensor = { ...rowsOf([2]), data: new Float32Array() };
    const outcomes = [submit([1], { inputs: [long] }), submit([2], { inputs: [short] }), submit([3])];
    await finishAll();
    expect(outcomes[2]?.values).toEqual([6]);
    expect(outcomes.map(({ done }) => done?.batch)).toEqual([1, 1, 1]);
  });
});

describe('a model that can’t be merged after all', () => {
  const cases: Record<string, { model: Model; checks: number; why: string }> = {
    'gives no row for each item': {
      model: (inputs) =>
        doubled(inputs).map((y) => ({ ...y, shape: [1, 1], data: y.data.slice(0, 1) as Float32Array })),
      checks: 0,
      why: "output 'y' was of shape [1,1] for 2 items",
    },
    'gives a scalar': {
      model: (inputs) => doubled(inputs).map((y) => ({ ...y, shape: [], data: y.data.slice(0, 1) as Float32Array })),
      checks: 0,
      why: "output 'y' was of shape []",
    },
    'fails on several, and on none alone': {
      model: (inputs) => {
        if (inputs[0]?.shape[0] !== 1) throw new Error('Reshape to [1,1]');
        return doubled(inputs);
      },
      checks: 0,
      why: 'on none of them alone',
    },
    'mixes the rows of a run': {
      model: ([x]) => {
        const values = x?.data as Float32Array;
        const sum = values.reduce((total, value) => total + value, 0);
        // Twice the share of the whole, which is twice its value for the row 1.
        return [{ ...(x as Tensor), name: 'y', data: values.map((value) => (2 * value) / sum) }];
      },
      checks: 1,
      why: 'not those that they get alone',
    },
  };
  test.each(Object.entries(cases))('%s: each is run alone, from then on, and it is told once', async (_, it) => {
    const { model, checks, why } = it;
    const { batcher, warnings, ran, submit, finishAll } = bench({ model, checks });
    const first = [submit([1]), submit([1]), submit([1])];
    await finishAll();
    expect(first.map(({ values }) => values)).toEqual([[2], [2], [2]]);
    expect(first[1]?.done).toMatchObject({ batch: 1, first: true });
    expect(warnings).toEqual([expect.stringContaining(why)]);
    expect(batcher.stats().merging).toBe(false);
    const before = ran.length;
    const later = [submit([1]), submit([1]), submit([1])];
    await finishAll();
    expect(later.map(({ values }) => values)).toEqual([[2], [2], [2]]);
    expect(ran.slice(before)).toEqual([[1], [1], [1]]);
    expect(warnings.length).toBe(1);
  });

  test('what waits, for its turn or for company, is run alone as well', async () => {
    const model: Model = (inputs) => doubled(inputs).map((y) => ({ ...y, shape: [1, 1] }));
    const { batcher, ran, submit, finish, finishAll, clock } = bench({ model, maxDelayMs: 10, maxBatchSize: 3 });
    for (const value of [1, 2, 3]) submit([value]);
    const waiting = [submit([4]), submit([5])];
    await finish();
    await finishAll();
    expect(ran).toEqual([[1, 2, 3], [1], [2], [3], [4], [5]]);
    expect(waiting.map(({ values }) => values)).toEqual([[8], [10]]);
    await batcher.drained();
    expect(clock.pending).toBe(0);
  });

  test('the first merged runs are held against runs alone, and no others', async () => {
    const { warnings, ran, submit, finishAll } = bench({ checks: 1 });
    const outcomes = [[0], [1], [2], [3]].map((values) => submit(values));
    await finishAll();
    expect(ran).toEqual([[0], [1, 2, 3], [1], [3]]);
    for (const value of [4, 5, 6]) submit([value]);
    await finishAll();
    expect(ran.slice(4)).toEqual([[4], [5, 6]]);
    expect(outcomes.map(({ values }) => values)).toEqual([[0], [2], [4], [6]]);
    expect(warnings).toEqual([]);
  });
});
