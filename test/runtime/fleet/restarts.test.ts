import { expect, test } from 'vitest';
import { restartAfter } from '../../../runtime/fleet/restarts.ts';

test.each([
  ['the first death', [1_000], 0],
  ['the second within a minute', [0, 1_000], 250],
  ['the third', [0, 1_000, 2_000], 500],
  ['the fifth', [0, 1, 2, 3, 4], 2_000],
  ['the sixth: no more', [0, 1, 2, 3, 4, 5], undefined],
  ['six, but over more than a minute', [0, 12_000, 24_000, 36_000, 48_000, 60_000], 2_000],
  ['one after a quiet minute', [0, 1, 2, 3, 90_000], 0],
] as const)('%s', (_why, deaths, delay) => {
  expect(restartAfter(deaths)).toBe(delay);
});
