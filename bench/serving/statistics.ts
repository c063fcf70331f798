/** What is said about repeated measurements. Pure; the same seed gives the same intervals. */

/** Of sorted values, by the nearest rank. NaN for none. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] as number;
}

/** The middle one, or the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[half] as number;
  return ((sorted[half - 1] ?? Number.NaN) + (sorted[half] ?? Number.NaN)) / 2;
}

export interface Spread {
  median: number;
  low: number;
  high: number;
}

const RESAMPLES = 2_000;
const SEED = 20_261_121;

/** The median and its 95 % interval, by resampling (percentile bootstrap). With fewer than 3 values: least and most. */
export function spread(values: readonly number[]): Spread {
  const middle = median(values);
  if (values.length < 3) return { median: middle, low: Math.min(...values), high: Math.max(...values) };
  const medians = resampledMedians(values);
  return { median: middle, low: quantile(medians, 0.025), high: quantile(medians, 0.975) };
}

/** The value that the median stays under with this confidence, one-sided. */
export function upperBound(values: readonly number[], confidence = 0.95): number {
  return quantile(resampledMedians(values), confidence);
}

function resampledMedians(values: readonly number[]): Float64Array {
  const random = randomOf(SEED);
  const draw = () => values[Math.floor(random() * values.length)] as number;
  return Float64Array.from({ length: RESAMPLES }, () => median(values.map(draw))).sort();
}

/** 0 ≤ x < 1, the same on every run (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
