import { describe, expect, it } from 'vitest';
import { basisPoints, byteCount, durationMs, percentOf, quantityNumber } from '../../api/units.ts';
import fc from '../properties.ts';

describe('durationMs', () => {
  it.each([
    ['0s', 0],
    ['250ms', 250],
    ['1.5s', 1_500],
    ['1m30s', 90_000],
    ['1h30m', 5_400_000],
    ['1h1m1s1ms', 3_661_001],
  ])('%s is %d', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });
});

describe('quantityNumber', () => {
  it.each([
    [2, 2],
    ['2', 2],
    ['500m', 0.5],
    ['1k', 1_000],
    ['1Ki', 1_024],
    ['128Mi', 134_217_728],
    ['1.5Gi', 1_610_612_736],
    ['1E', 1e18],
  ])('%s is %d', (value, number) => {
    expect(quantityNumber(value)).toBe(number);
  });
});

describe('byteCount', () => {
  it.each([
    ['1.1Ki', 1_127],
    ['0.0001Ki', 1],
    ['99999999999999Ti', Number.MAX_SAFE_INTEGER],
  ])('%s is %d whole bytes', (value, bytes) => {
    expect(byteCount(value)).toBe(bytes);
  });
});

describe('basis points', () => {
  it('and percent are each other turned round, for every share there is', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10_000 }), (points) => basisPoints(percentOf(points)) === points));
  });
});
