import { describe, expect, it } from 'vitest';
import {
  latencySketch,
  mergeSketches,
  RELATIVE_ERROR,
  SketchRecorder,
  sketchQuantile,
  sketchSince,
} from '../../api/latency-sketch.ts';
import fc from '../properties.ts';

const sketchOf = (samples: readonly number[]) => {
  const recorder = new SketchRecorder();
  for (const sample of samples) recorder.observe(sample);
  return recorder.snapshot();
};

const seconds = fc.double({ min: 1e-6, max: 3_600, noNaN: true });
const samples = fc.array(seconds, { minLength: 1, maxLength: 300 });
const rank = fc.double({ min: 0, max: 1, noNaN: true });

describe('a latency sketch', () => {
  it('answers every quantile within its relative error of the sample at that rank', () => {
    fc.assert(
      fc.property(samples, rank, (all, q) => {
        const sorted = [...all].sort((a, b) => a - b);
        const exact = sorted[Math.floor(q * (sorted.length - 1))] as number;
        const told = sketchQuantile(sketchOf(all), q) as number;
        // A hair more for the rounding of logarithms at the edge of a bucket.
        return Math.abs(told - exact) <= exact * (RELATIVE_ERROR + 1e-9);
      }),
    );
  });

  it('loses nothing when the sketches of several pods are merged', () => {
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        expect(mergeSketches([sketchOf(a), sketchOf(b)])).toEqual(sketchOf([...a, ...b]));
      }),
    );
  });

  it('tells what came in between two looks', () => {
    fc.assert(
      fc.property(samples, samples, (before, since) => {
        expect(sketchSince(sketchOf([...before, ...since]), sketchOf(before))).toEqual(sketchOf(since));
      }),
    );
  });

  it('counts from zero after a restart', () => {
    expect(sketchSince(sketchOf([0.1]), sketchOf([0.1, 0.1, 5]))).toEqual(sketchOf([0.1]));
  });

  it('keeps what is out of its bounds at the edge, and is bounded', () => {
    const sketch = sketchOf([0, -1, 1e-9, 1e9]);
    expect(sketchQuantile(sketch, 0)).toBeCloseTo(1e-6, 7);
    expect(sketchQuantile(sketch, 1)).toBeGreaterThan(3_600 * (1 - RELATIVE_ERROR));
    const full = sketchOf(Array.from({ length: 20_000 }, (_, i) => 1e-6 * 1.00112 ** i));
    expect(Object.keys(full).length).toBeLessThan(560);
  });

  it('has no quantile of nothing', () => {
    expect(sketchQuantile({}, 0.5)).toBeUndefined();
  });

  it('is what a report may hold', () => {
    fc.assert(fc.property(samples, (all) => latencySketch.safeParse(sketchOf(all)).success));
  });
});
