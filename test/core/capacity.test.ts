import { describe, expect, test } from 'vitest';
import { ALL } from '../../api/units.ts';
import { type Serving, sizeFor } from '../../core/capacity.ts';
import fc from '../properties.ts';

const serves = (...pairs: [percent: number, size: number][]): Serving[] =>
  pairs.map(([percent, size]) => ({ share: percent * 100, size }));

describe('replicas for a share', () => {
  test.each<[string, number, Serving[], number]>([
    ['half of what ten carry takes five', 50, serves([100, 10]), 5],
    ['a part of a replica is a replica', 25, serves([100, 10]), 3],
    ['never less than one', 1, serves([100, 10]), 1],
    ['all of it takes what serves it now', 100, serves([60, 6], [40, 4]), 10],
    ['nothing serves yet', 100, [], 1],
    ['who serves nothing is no measure', 100, serves([100, 4], [0, 20]), 4],
    ['the fewest that a canary may have are no measure of what its share needs', 100, serves([99, 10], [1, 2]), 12],
    ['a version that is scaled to nothing', 50, serves([100, 0]), 1],
    ['a quotient that is whole is not rounded up', 33, serves([33, 1], [66, 2], [1, 0]), 1],
  ])('%s', (_, percent, serving, size) => expect(sizeFor(percent * 100, serving)).toBe(size));

  const serving = fc.array(
    fc.record({ share: fc.integer({ min: 1, max: ALL }), size: fc.integer({ min: 1, max: 1_000 }) }),
    { minLength: 1, maxLength: 8 },
  );
  const share = fc.integer({ min: 1, max: ALL });

  test('no replica has to carry more than the busiest does now, and one fewer would be more than the average', () => {
    fc.assert(
      fc.property(share, serving, (points, now) => {
        const size = sizeFor(points, now);
        const busiest = Math.max(...now.map((v) => v.share / v.size));
        expect(points / size).toBeLessThanOrEqual(busiest * (1 + 1e-9));
        const average = now.reduce((sum, v) => sum + v.share, 0) / now.reduce((sum, v) => sum + v.size, 0);
        if (size > 1) expect(points / (size - 1)).toBeGreaterThan(average * (1 - 1e-9));
      }),
    );
  });

  test('a larger share takes no fewer', () => {
    fc.assert(
      fc.property(share, share, serving, (a, b, now) => {
        expect(sizeFor(Math.min(a, b), now)).toBeLessThanOrEqual(sizeFor(Math.max(a, b), now));
      }),
    );
  });
});
