/** The laws that the tests rest on: of mean 1 or less while the bound holds, and never more for bursts. */

import { describe, expect, test } from 'vitest';
import { thresholdOf } from '../../../core/analysis/budget.ts';
import { Blocks, MOST_BLOCKS } from '../../../core/analysis/statistics/blocks.ts';
import { DifferenceTest } from '../../../core/analysis/statistics/difference.ts';
import { RateTest, RatioTest } from '../../../core/analysis/statistics/rate.ts';
import { countAbove, countBelow, SketchSum } from '../../../core/analysis/statistics/sketch-sum.ts';
import fc from '../../properties.ts';
import { sketch } from './build.ts';

/** No bursts assumed and none seen in one sample: ln E as it is. */
const NONE = { effect: 1, weight: 1 };
const some = (n: number) => fc.integer({ min: 1, max: n });

/** P(X = 0 … n) of the binomial distribution. */
function binomials(n: number, p: number): number[] {
  const all = [(1 - p) ** n];
  for (let k = 1; k <= n; k++) all.push(((all[k - 1] as number) * (n - k + 1) * p) / (k * (1 - p)));
  return all;
}

function meanOver(n: number, p: number, of: (x: number) => number): number {
  return binomials(n, p).reduce((sum, probability, x) => sum + probability * of(x), 0);
}

describe('E is 1 or less on average, summed over all that can happen', () => {
  const rate = fc.double({ min: 0.001, max: 0.6, noNaN: true });
  const within = fc.double({ min: 0.1, max: 1, noNaN: true });
  test('a rate at its bound or below', () => {
    fc.assert(
      fc.property(some(60), rate, within, (n, bound, part) => {
        const mean = meanOver(n, bound * part, (x) => {
          const test = new RateTest(bound, NONE);
          test.add(x, n);
          return Math.exp(test.evidence);
        });
        expect(mean).toBeLessThanOrEqual(1 + 1e-9);
      }),
      { seed: 6 },
    );
  });
  test('two rates, at their ratio or below', () => {
    const ratio = fc.double({ min: 0.2, max: 3, noNaN: true });
    fc.assert(
      fc.property(some(20), some(40), ratio, rate, within, (n, stableN, most, stableRate, part) => {
        const canaryRate = Math.min(stableRate * most * part, 0.99);
        const mean = meanOver(n, canaryRate, (x) =>
          meanOver(stableN, stableRate, (stableX) => {
            const test = new RatioTest(most, NONE);
            test.add(x, n, stableX, stableN);
            return Math.exp(test.evidence);
          }),
        );
        expect(mean).toBeLessThanOrEqual(1 + 1e-9);
      }),
      { seed: 6, numRuns: 50 },
    );
  });
  test('two rates, at their difference or below', () => {
    fc.assert(
      fc.property(some(20), some(40), rate, within, within, (n, stableN, stableRate, bound, part) => {
        const canaryRate = Math.min(stableRate + bound * part, 0.99);
        const mean = meanOver(n, canaryRate, (x) =>
          meanOver(stableN, stableRate, (stableX) => {
            const test = new DifferenceTest(bound, NONE);
            test.add(x, n, stableX, stableN);
            return Math.exp(test.evidence);
          }),
        );
        expect(mean).toBeLessThanOrEqual(1 + 1e-9);
      }),
      { seed: 6, numRuns: 50 },
    );
  });
});

describe('at the bound in the average, nothing is ever shown', () => {
  const samples = fc.array(some(400), { minLength: 1, maxLength: 60 });
  const bound = fc.constantFrom(0.01, 0.05, 0.25, 0.5);
  test.each([1, 1.5, 10])('a rate, design effect %s assumed', (effect) => {
    fc.assert(
      fc.property(samples, bound, (sizes, max) => {
        const test = new RateTest(max, { effect, weight: 4 });
        let owed = 0;
        for (const n of sizes) {
          owed += n * max;
          const x = Math.floor(owed);
          owed -= x;
          test.add(x, n);
          expect(test.evidence).toBeLessThanOrEqual(0);
        }
      }),
      { seed: 6 },
    );
  });
  test('two rates', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 5 }), (sizes, ratio) => {
        const test = new RatioTest(ratio, NONE);
        for (const n of sizes) test.add(ratio * n, 10 * n, 3 * n, 30 * n);
        expect(test.evidence).toBeLessThanOrEqual(1e-9);
      }),
      { seed: 6 },
    );
  });
});

describe('bursts', () => {
  test('the same failures in one sample in ten are weaker evidence than spread evenly', () => {
    const even = new RateTest(0.01, NONE);
    const bursts = new RateTest(0.01, NONE);
    for (let i = 0; i < 40; i++) {
      even.add(4, 200);
      bursts.add(i % 10 === 0 ? 40 : 0, 200);
    }
    expect(even.designEffect).toBeLessThan(1.1);
    expect(bursts.designEffect).toBeGreaterThan(20);
    expect(bursts.evidence).toBeLessThan(even.evidence / 15);
  });
  test('bursts longer than a sample are seen at a larger scale', () => {
    const short = new RateTest(0.01, NONE);
    const long = new RateTest(0.01, NONE);
    for (let i = 0; i < 64; i++) {
      short.add(i % 2 === 0 ? 8 : 0, 200);
      long.add(i % 16 < 8 ? 8 : 0, 200);
    }
    expect(long.designEffect).toBeGreaterThan(3 * short.designEffect);
  });
  test('a rate that moves for both versions is no burst of the canary', () => {
    const test = new RatioTest(1, NONE);
    for (let i = 0; i < 40; i++) test.add(i % 10 === 0 ? 20 : 2, 200, i % 10 === 0 ? 200 : 20, 2_000);
    expect(test.designEffect).toBeLessThan(1.1);
  });
});

test('counts of a long window are merged, and none is lost', () => {
  const blocks = new Blocks();
  for (let i = 0; i < 5_000; i++) blocks.add({ n: 10, x: i % 2, stableN: 0, stableX: 0 });
  expect(blocks.length).toBeLessThanOrEqual(MOST_BLOCKS);
  expect(blocks.length).toBeGreaterThan(MOST_BLOCKS / 2);
  expect(blocks.all).toMatchObject({ n: 50_000, x: 2_500 });
});

test('what may go wrong over all steps, checks and canaries is half a percent', () => {
  const checks = [
    { metric: 'error-rate' as const, max: 0.01, maxRatio: 2 },
    { metric: 'output-shift' as const, max: 0.1 },
    { prometheus: 'up', min: 1 },
  ];
  let sum = 0;
  for (let step = 0; step < 10_000; step++) sum += 3 * 2 * Math.exp(-thresholdOf(checks, 2, step));
  expect(sum).toBeLessThanOrEqual(0.005);
  expect(sum).toBeGreaterThan(0.0049);
});

describe('sketches', () => {
  const lengths = fc.double({ min: 1e-5, max: 100, noNaN: true });
  test('what is counted beyond a threshold is beyond it', () => {
    fc.assert(
      fc.property(lengths, lengths, (length, threshold) => {
        const one = sketch({ [length]: 1 });
        if (countAbove(one, threshold) === 1) expect(length).toBeGreaterThan(threshold);
        if (countBelow(one, threshold) === 1) expect(length).toBeLessThanOrEqual(threshold * (1 + 1e-8));
        // Only what lies in the bucket of the threshold is in doubt.
        if (length > threshold * 1.042) expect(countAbove(one, threshold)).toBe(1);
        if (length < threshold / 1.042) expect(countBelow(one, threshold)).toBe(1);
      }),
      { seed: 6, numRuns: 1_000 },
    );
  });
  test('quantiles of sums are within 2 %', () => {
    const sum = new SketchSum();
    expect(sum.quantile(0.5)).toBeUndefined();
    for (let i = 1; i <= 100; i++) sum.add(sketch({ [i / 100]: 1 }));
    expect(Math.abs((sum.quantile(0.95) ?? 0) / 0.95 - 1)).toBeLessThan(0.03);
    expect(sum.total).toBe(100);
  });
  test('a bucket that no report has is counted at the edge', () => {
    const sum = new SketchSum();
    sum.add({ '99999': 3, '-99999': 3 });
    expect(sum.total).toBe(6);
    expect(sum.quantile(0)).toBeLessThan(1e-6);
  });
});
