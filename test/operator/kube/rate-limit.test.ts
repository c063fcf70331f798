import { describe, expect, test } from 'vitest';
import { backoffMs, DEFAULT_BACKOFF, TokenBucket } from '../../../operator/kube/rate-limit.ts';
import fc from '../../properties.ts';
import { FakeClock } from './fake-clock.ts';

describe('the token bucket', () => {
  const takeAll = (bucket: TokenBucket) => {
    let taken = 0;
    while (bucket.take()) taken++;
    return taken;
  };

  test('starts full, fills with time, and never over the brim', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(clock, { perSecond: 10, burst: 5 });
    expect(takeAll(bucket)).toBe(5);
    await clock.advance(99);
    expect(takeAll(bucket)).toBe(0);
    await clock.advance(1);
    expect(takeAll(bucket)).toBe(1);
    await clock.advance(200);
    expect(takeAll(bucket)).toBe(2);
    await clock.advance(3_600_000);
    expect(takeAll(bucket)).toBe(5);
  });

  test('says how long until the next token', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(clock, { perSecond: 4, burst: 1 });
    expect(bucket.waitMs()).toBe(0);
    bucket.take();
    expect(bucket.waitMs()).toBe(250);
    await clock.advance(249.5);
    expect(bucket.waitMs()).toBe(1);
    await clock.advance(0.5);
    expect(bucket.waitMs()).toBe(0);
  });

  test.each([
    [0, 1],
    [-1, 1],
    [Number.NaN, 1],
    [1, 0.5],
    [1, Number.NaN],
  ])('%d a second with a burst of %d is refused', (perSecond, burst) => {
    expect(() => new TokenBucket(new FakeClock(), { perSecond, burst })).toThrow(RangeError);
  });

  test('in any stretch of w seconds no more than burst + perSecond · w tokens are taken', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.1, max: 1_000, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.double({ min: 0, max: 2_000, noNaN: true }), { maxLength: 30 }),
        async (perSecond, burst, pauses) => {
          const clock = new FakeClock();
          const bucket = new TokenBucket(clock, { perSecond, burst });
          const taken: number[] = [];
          for (const pause of pauses) {
            await clock.advance(pause);
            while (bucket.take()) taken.push(clock.now());
          }
          taken.forEach((from, first) => {
            taken.slice(first).forEach((to, more) => {
              expect(more + 1).toBeLessThanOrEqual(burst + (perSecond * (to - from)) / 1_000 + 1e-6);
            });
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  test('who waits as told gets a token, at the latest 1 ms after', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.001, max: 5_000, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { maxLength: 20 }),
        async (perSecond, pauses) => {
          const clock = new FakeClock();
          const bucket = new TokenBucket(clock, { perSecond, burst: 1 });
          for (const pause of pauses) {
            await clock.advance(pause);
            while (bucket.take());
            await clock.advance(bucket.waitMs());
            await clock.advance(bucket.waitMs());
            expect(bucket.take()).toBe(true);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('the backoff', () => {
  test.each<[string, number, number, number]>([
    ['the first: at least an eighth of a second', 1, 0, 125],
    ['and at most a quarter', 1, 0.999_999, 250],
    ['it doubles', 2, 0.999_999, 500],
    ['and doubles', 5, 0.999_999, 4_000],
    ['to a minute', 9, 0.999_999, 60_000],
    ['of which half is certain', 9, 0, 30_000],
    ['also after a thousand failures', 2_000, 0.5, 45_000],
  ])('%s', (_, failures, random, ms) => {
    expect(Math.round(backoffMs(failures, DEFAULT_BACKOFF, () => random))).toBe(ms);
  });

  test('is between half of the exponential and all of it, and capped', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, firstMs, more, random) => {
          const maxMs = firstMs + more;
          const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 500));
          const ms = backoffMs(failures, { firstMs, maxMs }, () => random);
          expect(ms).toBeGreaterThanOrEqual(full / 2);
          expect(ms).toBeLessThanOrEqual(full);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
