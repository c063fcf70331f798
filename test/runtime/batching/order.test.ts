/** When a run starts, and whose turn it is. */
import { describe, expect, test } from 'vitest';
import { type BenchOptions, bench } from './support.ts';

describe('a delay that was asked for', () => {
  const bench10 = (options: BenchOptions = {}) => bench({ maxDelayMs: 10, maxBatchSize: 4, ...options });

  test('is waited for company, from the first request on, and no longer', async () => {
    const { clock, ran, submit } = bench10();
    submit([1]);
    clock.advance(6);
    submit([2]);
    clock.advance(3);
    expect(ran).toEqual([]);
    clock.advance(1);
    expect(ran).toEqual([[1, 2]]);
  });

  test('is each request’s own', () => {
    const { clock, ran, submit } = bench10({ lanes: 2 });
    submit([1]);
    clock.advance(4);
    submit([2], { width: 2 });
    clock.advance(6);
    expect(ran).toEqual([[1]]);
    clock.advance(3);
    expect(ran).toEqual([[1]]);
    clock.advance(1);
    expect(ran).toEqual([[1], [2, 2]]);
  });

  test('ends once a run is full', () => {
    const { ran, submit } = bench10();
    for (const values of [[1], [2, 3], [4]]) submit(values);
    expect(ran).toEqual([[1, 2, 3, 4]]);
  });

  test('starts over for what comes after the run', async () => {
    const { clock, ran, submit, finish } = bench10();
    submit([1]);
    clock.advance(10);
    clock.advance(5);
    submit([2]);
    await finish();
    clock.advance(9);
    expect(ran).toEqual([[1]]);
    clock.advance(1);
    expect(ran).toEqual([[1], [2]]);
    await finish();
    expect(clock.pending).toBe(1);
  });

  test('is no reason to wait for what can be merged with nothing', () => {
    const { ran, submit } = bench10();
    submit([1, 2, 3, 4, 5]);
    expect(ran).toEqual([[1, 2, 3, 4, 5]]);
  });

  test('is not waited by a request whose time would be up', () => {
    const { ran, submit } = bench10();
    submit([1], { timeout: 10 });
    expect(ran).toEqual([[1]]);
  });

  test('one group that is full does not wait for another', () => {
    const { clock, ran, submit } = bench10({ lanes: 2 });
    submit([1], { width: 2 });
    for (const value of [2, 3, 4, 5]) submit([value]);
    expect(ran).toEqual([[2, 3, 4, 5]]);
    clock.advance(10);
    expect(ran[1]).toEqual([1, 1]);
  });

  test('who hangs up or is run leaves no timer behind in the end', async () => {
    const { batcher, clock, ran, submit, gone, finishAll } = bench10();
    submit([1]);
    submit([2]);
    gone.get(1)?.();
    clock.advance(10);
    await finishAll();
    await batcher.drained();
    expect([ran, clock.pending]).toEqual([[[2]], 0]);
  });
});

describe('fairness', () => {
  test('callers take turns, first in, first out within one', async () => {
    const { ran, submit, finishAll } = bench({ maxBatchSize: 2, room: { requests: 100, bytes: 1_000 } });
    const [a, b, c] = [{}, {}, {}];
    submit([0], { caller: a });
    for (const value of [10, 11, 12, 13]) submit([value], { caller: a });
    for (const value of [20, 21]) submit([value], { caller: b });
    submit([30], { caller: c });
    await finishAll();
    expect(ran.flat()).toEqual([0, 10, 20, 30, 11, 21, 12, 13]);
  });

  test('a caller who keeps its share full does not keep another from its turn', async () => {
    const { ran, submit, finish } = bench({ maxBatchSize: 1, room: { requests: 1_000, bytes: 10_000 } });
    const greedy = {};
    for (let value = 0; value < 100; value++) submit([value], { caller: greedy });
    submit([1_000]);
    for (let run = 0; run < 3; run++) await finish();
    expect(ran.flat()).toContain(1_000);
  });

  test('a stream of new callers does not keep an old one from its turn', async () => {
    const { ran, submit, finish } = bench({ maxBatchSize: 1 });
    const old = {};
    submit([0]);
    for (const value of [1, 2, 3]) submit([value], { caller: old });
    for (let value = 100; value < 112; value++) {
      submit([value]);
      await finish();
    }
    expect(ran.flat().slice(0, 8)).toEqual([0, 1, 100, 2, 101, 102, 3, 103]);
  });
});
