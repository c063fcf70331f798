import { expect, test } from 'vitest';
import { restartDelay } from '../../local/backoff.ts';

test.each<[string, number, boolean, number, number]>([
  ['the first crash of one that was ready: at once', 1, true, 0.5, 0],
  ['the first failed load', 1, false, 0.5, 500],
  ['it doubles', 2, true, 0.5, 1_000],
  ['and doubles', 4, false, 0.5, 4_000],
  ['with a jitter down', 2, false, 0, 750],
  ['and up', 2, false, 0.999, 1_250],
  ['to 30 s', 10, false, 0.999, 30_000],
  ['and never more', 1_000, false, 0.999, 30_000],
])('%s', (_, failures, wasReady, random, delay) => {
  expect(Math.round(restartDelay(failures, wasReady, random) / 10) * 10).toBe(delay);
});
