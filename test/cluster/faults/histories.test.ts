/** Whole histories under random faults; `npm run test:faults` runs more of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HistoryResult, referenceEnd, runHistory } from '../../faults/history.ts';
import { started } from '../../faults/pool.ts';
import { WHOLE_HISTORY } from '../../faults/scenario.ts';
import { openWorld } from './world.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

let world: Awaited<ReturnType<typeof openWorld>>;
/** Several at once: they wait for most of their time. */
const AT_A_TIME = 5;
let results: Map<number, Promise<HistoryResult>>;

beforeAll(async () => {
  world = await openWorld('history');
  const expected = await referenceEnd(world, 'reference', WHOLE_HISTORY);
  const run = (seed: number) => runHistory(world, seed, WHOLE_HISTORY, expected);
  results = started(SEEDS, AT_A_TIME, run);
}, 300_000);

afterAll(async () => {
  await Promise.allSettled(results?.values() ?? []);
  await world[Symbol.asyncDispose]();
}, 300_000);

describe('a history under random faults ends as one without, and deletes nothing that is wanted', () => {
  it.each(SEEDS)(
    'seed %i',
    async (seed) => {
      const result = await results.get(seed);
      expect([...(result?.differences ?? []), ...(result?.violations ?? [])], result?.told).toEqual([]);
      expect(result?.tally.faults).toBeGreaterThan(5);
    },
    300_000,
  );
});
