/** Which requests are run together, and what each gets. */
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../../runtime/protocol/datatypes.ts';
import type { Signature } from '../../../runtime/protocol/signature.ts';
import { type Asked, type BenchOptions, bench, doubled, type Model, ROWS, rowsOf } from './support.ts';

describe('merging', () => {
  test('never waits when idle; what comes meanwhile goes together, each gets its own rows', async () => {
    const { clock, ran, submit, finish } = bench();
    const a = submit([1]);
    expect(ran).toEqual([[1]]);
    clock.advance(2);
    const others = [submit([2, 3]), submit([4]), submit([5, 6, 7])];
    clock.advance(8);
    await finish();
    expect(ran[1]).toEqual([2, 3, 4, 5, 6, 7]);
    clock.advance(5);
    await finish();
    expect(others.map(({ values }) => values)).toEqual([[4, 6], [8], [10, 12, 14]]);
    expect(a.done).toMatchObject({ queued: 0, computed: 10, batch: 1, items: 1, first: true });
    const facts = { queued: 8, computed: 5, batch: 6, from: 'run' };
    expect(others.map(({ done }) => done)).toMatchObject([
      { ...facts, items: 2, first: true },
      { ...facts, items: 1, first: false },
      { ...facts, items: 3, first: false },
    ]);
  });

  test('an eager lane takes what is read in one go as one run', async () => {
    const { ran, submit, settle } = bench({ eager: true });
    submit([1]);
    submit([2]);
    submit([3]);
    expect(ran).toEqual([]);
    await settle();
    expect(ran).toEqual([[1, 2, 3]]);
  });

  test('where requests come one at a time an eager lane starts at once, and waits for company again when there is some', async () => {
    const { ran, submit, finish, finishAll } = bench({ eager: true });
    const oneAtATime = async (turns: number) => {
      for (let turn = 0; turn < turns; turn++) {
        submit([turn]);
        await finishAll();
      }
    };
    await oneAtATime(7);
    submit([7]);
    expect(ran).toHaveLength(7);
    await finishAll();
    submit([8]);
    expect(ran).toHaveLength(9);
    // Company: it goes together, and the next is kept for more again.
    submit([9]);
    submit([10]);
    await finish();
    await finishAll();
    expect(ran.slice(8)).toEqual([[8], [9, 10]]);
    submit([11]);
    submit([12]);
    expect(ran).toHaveLength(10);
    await finishAll();
    expect(ran.slice(10)).toEqual([[11, 12]]);
  });

  test('lanes that are free get what comes, each one run at a time; the rest is held here', async () => {
    const { running, ran, submit } = bench({ lanes: 2 });
    for (const value of [1, 2, 3, 4]) submit([value]);
    expect(ran).toEqual([[1], [2]]);
    await running[1]?.end();
    expect(ran[2]).toEqual([3, 4]);
    expect(running.map(({ lane }) => lane).sort()).toEqual([0, 1]);
  });

  test('takes no more than maxBatchSize items; a larger request goes alone', async () => {
    const { ran, submit, finishAll } = bench({ maxBatchSize: 4 });
    submit([0]);
    const outcomes = [[1, 2], [3], [4, 5], [6, 7, 8, 9, 10], [11]].map((values) => submit(values));
    await finishAll();
    expect(ran).toEqual([[0], [1, 2, 3], [4, 5, 11], [6, 7, 8, 9, 10]]);
    expect(outcomes.map(({ answers }) => answers)).toEqual([1, 1, 1, 1, 1]);
    expect(outcomes[3]?.done).toMatchObject({ batch: 5, items: 5 });
  });

  test('requests without items run alone too, each with its own outputs', async () => {
    const model: Model = (inputs, outputs) => outputs.map((name) => ({ ...(inputs[0] as Tensor), name }));
    const { running, submit, finishAll, batcher } = bench({ model });
    submit([1]);
    const empty = (outputs: string[], width = 1) => submit([], { inputs: [rowsOf([], width)], outputs });
    const outcomes = [empty(['y']), empty(['z']), empty(['y'], 3)];
    await running[0]?.end();
    await finishAll();
    const first = outcomes.map(({ done }) => [done?.outputs[0]?.name, done?.outputs[0]?.shape]);
    expect(first).toEqual([
      ['y', [0, 1]],
      ['z', [0, 1]],
      ['y', [0, 3]],
    ]);
    expect(batcher.stats()).toMatchObject({ merging: true, repeated: 0 });
  });

  test('a run of one gets the very tensors of the request; those of a merged run are the lane’s own', async () => {
    const inputs = [rowsOf([1])];
    const seen: (readonly Tensor[])[] = [];
    const model: Model = (given) => {
      seen.push(given);
      return doubled(given);
    };
    const { running, submit, finish } = bench({ model });
    const a = submit([1], { inputs });
    submit([2]);
    submit([3]);
    expect(running[0]?.own).toBe(false);
    await finish();
    expect(running[0]?.own).toBe(true);
    expect(seen[0]).toBe(inputs);
    expect(a.values).toEqual([2]);
  });

  const alone: Record<string, { options?: BenchOptions; asked: Asked[] }> = {
    'other inner shapes': { asked: [{ width: 1 }, { width: 2 }] },
    'other outputs': { asked: [{}, { outputs: ['y', 'z'] }] },
    'other order of outputs': { asked: [{ outputs: ['a', 'b'] }, { outputs: ['b', 'a'] }] },
    'outputs whose names run together': { asked: [{ outputs: ['a', 'bc'] }, { outputs: ['ab', 'c'] }] },
    'no rows': { asked: [{ inputs: [rowsOf([])] }, {}] },
    'batching switched off': { options: { maxBatchSize: 1 }, asked: [{}, {}] },
    'an input of fixed first dimension': {
      options: { signature: { ...ROWS, inputs: [{ name: 'x', datatype: 'FP32', shape: [1, -1] }] } },
      asked: [{}, {}],
    },
    'an output of fixed first dimension': {
      options: { signature: { ...ROWS, outputs: [{ name: 'y', datatype: 'FP32', shape: [2, -1] }] } },
      asked: [{}, {}],
    },
    'an input of any rank': {
      options: { signature: { ...ROWS, inputs: [{ name: 'x', datatype: 'FP32', shape: [], anyRank: true }] } },
      asked: [{}, {}],
    },
    'an output of any rank': {
      options: { signature: { ...ROWS, outputs: [{ name: 'y', datatype: 'FP32', shape: [], anyRank: true }] } },
      asked: [{}, {}],
    },
    'inputs that disagree about their rows': {
      options: {
        signature: { ...ROWS, inputs: ['x', 'w'].map((name) => ({ name, datatype: 'FP32', shape: [-1, -1] })) },
      },
      asked: [0, 1].map(() => ({ inputs: [rowsOf([1]), rowsOf([1, 2], 1, 'w')] })),
    },
  };
  test.each(Object.entries(alone))('not with %s', async (_, { options, asked }) => {
    const { ran, submit, finishAll } = bench(options);
    submit([0], asked[0]);
    const outcomes = asked.map((one) => submit([1], one));
    await finishAll();
    expect(ran.length).toBe(3);
    expect(outcomes.map(({ answers }) => answers)).toEqual([1, 1]);
  });

  test('what fits together goes past what does not, which comes next', async () => {
    const { ran, submit, finishAll } = bench();
    const caller = {};
    submit([0]);
    submit([1], { caller });
    submit([2], { caller, width: 2 });
    submit([3], { caller });
    submit([4], { caller, width: 2 });
    await finishAll();
    expect(ran).toEqual([[0], [1, 3], [2, 2, 4, 4]]);
  });

  test('several inputs and outputs of several datatypes are put together and taken apart', async () => {
    const signature: Signature = {
      inputs: [
        { name: 'ids', datatype: 'INT64', shape: [-1, 2] },
        { name: 'text', datatype: 'BYTES', shape: [-1] },
      ],
      outputs: [
        { name: 'text', datatype: 'BYTES', shape: [-1] },
        { name: 'sum', datatype: 'INT64', shape: [-1] },
      ],
    };
    const model: Model = ([ids, text]) => {
      const pairs = ids?.data as BigInt64Array;
      const sums = BigInt64Array.from(
        { length: pairs.length / 2 },
        (_, i) => (pairs[2 * i] ?? 0n) + (pairs[2 * i + 1] ?? 0n),
      );
      return [text as Tensor, { name: 'sum', datatype: 'INT64', shape: [sums.length], data: sums }];
    };
    const { submit, finishAll } = bench({ signature, model });
    const ask = (...rows: [bigint, bigint, string][]) =>
      submit([Number(rows[0]?.[0])], {
        outputs: ['text', 'sum'],
        inputs: [
          {
            name: 'ids',
            datatype: 'INT64',
            shape: [rows.length, 2],
            data: BigInt64Array.from(rows.flatMap(([a, b, _]) => [a, b])),
          },
          { name: 'text', datatype: 'BYTES', shape: [rows.length], data: rows.map(([, , text]) => text) },
        ],
      });
    ask([0n, 0n, 'runs']);
    const outcomes = [ask([1n, 2n, 'a'], [3n, 4n, '']), ask([2n ** 62n, 1n, 'ç'])];
    await finishAll();
    expect(outcomes.map(({ done }) => done?.outputs)).toEqual([
      [
        { name: 'text', datatype: 'BYTES', shape: [2], data: ['a', ''] },
        { name: 'sum', datatype: 'INT64', shape: [2], data: BigInt64Array.of(3n, 7n) },
      ],
      [
        { name: 'text', datatype: 'BYTES', shape: [1], data: ['ç'] },
        { name: 'sum', datatype: 'INT64', shape: [1], data: BigInt64Array.of(2n ** 62n + 1n) },
      ],
    ]);
  });
});
