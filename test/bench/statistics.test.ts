import { describe, expect, it } from 'vitest';
import { median, quantile, randomOf, spread, upperBound } from '../../bench/serving/statistics.ts';

describe('statistics', () => {
  it.each([
    ['one value', [3], 3],
    ['an odd number of values, unsorted', [9, 1, 5], 5],
    ['an even number: the mean of the two in the middle', [4, 1, 2, 9], 3],
  ])('median of %s', (_, values, expected) => expect(median(values)).toBe(expected));

  it('median of nothing is no number', () => expect(median([])).toBeNaN());

  it.each([
    [0.5, 50],
    [0.99, 99],
    [1, 100],
    [0, 1],
  ])('quantile %d of 1 to 100 is %d', (q, expected) => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(quantile(values, q)).toBe(expected);
  });

  it('the interval of a median holds it, is within the values, and is the same each time', () => {
    const values = [0.9, 1, 1.1, 1.05, 0.95];
    const found = spread(values);
    expect(found.median).toBe(1);
    expect(found.low).toBeGreaterThanOrEqual(0.9);
    expect(found.high).toBeLessThanOrEqual(1.1);
    expect(found.low).toBeLessThan(1);
    expect(spread(values)).toEqual(found);
  });

  it('of one or two values the interval is all of them', () => {
    expect(spread([2, 4])).toEqual({ median: 3, low: 2, high: 4 });
  });

  it('the upper bound of many alike values is close to them, that of scattered ones is not', () => {
    const random = randomOf(1);
    const alike = Array.from({ length: 20 }, () => 0.01 + random() * 0.002);
    const scattered = Array.from({ length: 20 }, () => 0.01 + random() * 0.2);
    expect(upperBound(alike)).toBeLessThan(0.0121);
    expect(upperBound(scattered)).toBeGreaterThan(median(scattered));
  });
});
