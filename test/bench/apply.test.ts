/** How the time from `kubectl apply` to the share is told. */
import { expect, it } from 'vitest';
import { block, type Change, type Figures, quantile, table } from '../../bench/apply/figures.ts';

const changeOf = (ms: number): Change => ({
  stored: ms,
  applied: ms,
  written: ms,
  touched: ms,
  firstNew: ms,
  lastOld: ms,
  told: ms,
});

const figures = (...ms: number[]): Figures => ({
  date: '2026-11-21',
  machine: { cpu: 'CPU', cores: 2, node: 'v24' },
  pods: 4,
  changes: ms.map(changeOf),
  requests: 100,
  failed: 0,
});

it.each([
  [[5], 0.5, 5],
  [[4, 1, 3, 2], 0.5, 2],
  [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 0.9, 9],
  [[1, 2, 3], 1, 3],
])('of %j the quantile %d is %d: a value that was measured', (values, share, expected) => {
  expect(quantile(values, share)).toBe(expected);
});

it('is a row for each leg, in seconds', () => {
  expect(table(figures(1_000, 2_000, 3_500))).toContain(
    '| the status says so               |   2.00 |   3.50 |   3.50 |',
  );
});

it.each([
  [1_990, '1.99 s (median), under the 2 s'],
  [2_000, '2.00 s (median), **not under** the 2 s'],
])('a median of %d ms is judged', (ms, words) => {
  expect(block(figures(ms, ms, ms), 'npm run bench:apply')).toContain(words);
});

it('takes the later of what users see and what the status says', () => {
  const one = figures(100);
  const late = { ...one, changes: [{ ...changeOf(100), lastOld: 2_500 }] };
  expect(block(late, 'npm run bench:apply')).toContain('2.50 s (median), **not under**');
});
