/** Work that nobody waits for, such as a mirror's copies: after all else, in half of the room, beside the cache. */

import { expect, test } from 'vitest';
import fc from '../../properties.ts';
import { cached, from } from './cache-support.ts';
import { type BenchOptions, bench as batching } from './support.ts';

const bench = (requests = 10, bytes = 1_000, options: BenchOptions = {}) =>
  batching({ maxBatchSize: 1, room: { requests, bytes }, ...options });

test('whoever waits for an answer is served first, whenever it came, and in its order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), async (kinds) => {
      const { ran, submit, finish } = bench(1_000, 1_000);
      submit([0]);
      for (const [i, background] of kinds.entries()) submit([i + 1], { background });
      for (let i = 0; i <= kinds.length; i++) await finish();
      const of = (background: boolean) => kinds.flatMap((kind, i) => (kind === background ? [[i + 1]] : []));
      expect(ran).toEqual([[0], ...of(false), ...of(true)]);
    }),
    { numRuns: 30 },
  );
});

test('it does not push back what its caller asks later', async () => {
  const { ran, submit, finish } = bench();
  const caller = {};
  submit([0]);
  submit([1], { background: true, caller });
  submit([2], { caller });
  submit([3]);
  for (let i = 0; i < 4; i++) await finish();
  expect(ran).toEqual([[0], [3], [2], [1]]);
});

test('it waits in half of the room', async () => {
  const { submit, settle } = bench(4, 100);
  submit([0]);
  const copies = [1, 2, 3].map((value) => submit([value], { background: true }));
  const users = [4, 5].map((value) => submit([value]));
  await settle();
  expect(copies.map(({ code }) => code)).toEqual([undefined, undefined, 'QUEUE_FULL']);
  expect(users.map(({ code }) => code)).toEqual([undefined, undefined]);
});

test('it is run whatever the cache holds, and leaves nothing there', async () => {
  const { runner, ran, submit, finishAll } = cached();
  const outcomes = [submit([1], { background: true })];
  await finishAll();
  expect(runner.stats()).toMatchObject({ entries: 0, misses: 0 });
  outcomes.push(submit([1]));
  await finishAll();
  outcomes.push(submit([1], { background: true }));
  await finishAll();
  expect(ran).toEqual([[1], [1], [1]]);
  expect(from(outcomes)).toEqual(['run', 'run', 'run']);
  expect(runner.stats()).toMatchObject({ entries: 1, hits: 0, misses: 1 });
});
