import { describe, expect, test } from 'vitest';
import { type Circumstances, openFirst, place } from '../../../runtime/models/placement.ts';

const MIB = 2 ** 20;
const base: Circumstances = {
  cores: 4,
  workers: undefined,
  threads: 1,
  gpu: false,
  measured: { items: 32, ms: 20, guessed: false },
  weightBytes: 10 * MIB,
  weightsShared: false,
  memoryBytes: 1024 * MIB,
};

describe('where a model runs', () => {
  test.each<[string, Partial<Circumstances>, number, RegExp]>([
    [
      'a tiny one on main',
      { measured: { items: 32, ms: 0.4, guessed: false } },
      0,
      /^a run of 32 took 0\.40 ms, less than 1 ms$/,
    ],
    ['also with one core', { cores: 1, measured: { items: 1, ms: 0.1, guessed: false } }, 0, /less than/],
    [
      'a millisecond is too long for main',
      { measured: { items: 8, ms: 1, guessed: false } },
      4,
      /^a run of 8 took 1\.00 ms; cores: 4/,
    ],
    [
      'a guess has to be a quarter of it',
      { measured: { items: 1, ms: 0.3, guessed: true } },
      4,
      /took 0\.30 ms; cores/,
    ],
    ['and may be', { measured: { items: 1, ms: 0.2, guessed: true } }, 0, /less than 0\.25 ms$/],
    ['a slow one in a worker for each core', {}, 4, /took 20 ms; cores: 4, threads of a session: 1$/],
    ['one core: one worker', { cores: 1 }, 1, /cores: 1/],
    ['two threads a session: half as many', { threads: 2 }, 2, /threads of a session: 2/],
    ['more threads than cores: one', { threads: 8 }, 1, /threads of a session: 8/],
    ['cores that do not divide: what fits', { cores: 5, threads: 2 }, 2, /cores: 5/],
    ['one that was not measured: workers', { measured: undefined }, 4, /^it could not be measured; /],
    ['a GPU: one worker', { gpu: true }, 1, /a GPU runs it$/],
    ['a GPU and a tiny model: main', { gpu: true, measured: { items: 1, ms: 0.2, guessed: false } }, 0, /less than/],
    ['weights that fill memory: as many as fit in half of it', { weightBytes: 150 * MIB }, 2, /but memory for 2$/],
    ['weights larger than memory: one all the same', { weightBytes: 4096 * MIB }, 1, /but memory for 1$/],
    ['shared weights: as if they were small', { weightBytes: 4096 * MIB, weightsShared: true }, 4, /session: 1$/],
    ['an empty file', { weightBytes: 0 }, 4, /session: 1$/],
    ['the spec says workers', { workers: 7, measured: { items: 1, ms: 0.1, guessed: false } }, 7, /says so$/],
    ['the spec says main', { workers: 0 }, 0, /says so$/],
  ])('%s', (_why, changes, workers, why) => {
    const placement = place({ ...base, ...changes });
    expect(placement.workers).toBe(workers);
    expect(placement.why).toMatch(why);
  });
});

test.each([
  ['a small file on main', {}, 'main'],
  ['a large one in a worker', { fileBytes: 17 * MIB }, 'worker'],
  ['a GPU in a worker', { gpu: true }, 'worker'],
  ['where the spec says: workers', { workers: 2 }, 'worker'],
  ['where the spec says: main', { workers: 0, fileBytes: 100 * MIB, gpu: true }, 'main'],
] as const)('opened first: %s', (_why, changes, where) => {
  expect(openFirst({ workers: undefined, gpu: false, fileBytes: MIB, ...changes })).toBe(where);
});
