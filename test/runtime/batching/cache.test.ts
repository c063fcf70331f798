import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../../runtime/protocol/datatypes.ts';
import { bufferOf, cached, from } from './cache-support.ts';
import { type Outcome, settle } from './support.ts';

describe('the cache', () => {
  test('a question that was asked before is answered without a run', async () => {
    const { runner, ran, clock, submit, finishAll } = cached();
    const first = submit([1, 2]);
    clock.advance(5);
    await finishAll();
    const again = submit([1, 2]);
    const other = submit([1, 3]);
    await finishAll();
    expect(ran).toEqual([
      [1, 2],
      [1, 3],
    ]);
    expect([first.done, again.done]).toMatchObject([
      { from: 'run', first: true, computed: 5 },
      { from: 'cache', first: false, queued: 0, computed: 0, items: 2, batch: 2 },
    ]);
    expect([again.values, other.values]).toEqual([
      [2, 4],
      [2, 6],
    ]);
    expect(again.done?.outputs).toEqual(first.done?.outputs);
    expect(runner.stats()).toMatchObject({ hits: 1, misses: 2, joined: 0, entries: 2, evictions: 0 });
  });

  test('nobody can change what others get', async () => {
    const { submit, finishAll } = cached();
    const outcomes: Outcome[] = [];
    for (let i = 0; i < 3; i++) {
      outcomes.push(submit([1]));
      await finishAll();
      const output = outcomes[i]?.done?.outputs[0] as Tensor;
      (output.data as Float32Array).fill(99);
      Object.assign(output.shape, [99]);
    }
    expect(outcomes.map(({ values }) => values)).toEqual([[2], [2], [2]]);
    expect(from(outcomes)).toEqual(['run', 'cache', 'cache']);
  });

  test('an answer is kept for its time, and no longer', async () => {
    const { runner, ran, clock, submit, finishAll } = cached({ ttlMs: 100 });
    submit([1]);
    await finishAll();
    clock.advance(99);
    submit([1]);
    await finishAll();
    expect(ran.length).toBe(1);
    clock.advance(1);
    submit([1]);
    expect(runner.stats().bytes).toBe(0);
    await finishAll();
    expect(ran.length).toBe(2);
    expect(runner.stats()).toMatchObject({ hits: 1, misses: 2, entries: 1, evictions: 0 });
  });

  test('a failure is not kept', async () => {
    const { ran, submit, finish, finishAll } = cached();
    const failed = submit([1]);
    await finish(new Error('boom'));
    const again = submit([1]);
    await finishAll();
    expect([failed.code, again.values, ran.length]).toEqual(['boom', [2], 2]);
  });

  test('what is in the memory of a whole run is kept without the rest of it', async () => {
    const { runner, submit, finishAll } = cached({ maxBatchSize: 8 });
    submit([0]);
    const merged = [1, 2, 3].map((value) => submit([value], { width: 100 }));
    await finishAll();
    const again = submit([2], { width: 100 });
    await settle();
    expect(merged[1]?.done?.batch).toBe(3);
    expect(again.done).toMatchObject({ from: 'cache', batch: 1, items: 1 });
    expect(bufferOf(again.done)?.byteLength).toBe(400);
    expect(runner.stats().entries).toBe(4);
  });
});
