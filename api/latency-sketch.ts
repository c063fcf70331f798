/**
 * A latency sketch with a fixed relative error, small enough for a report and mergeable over pods: DDSketch with
 * logarithmic buckets (Masson, Rim, Lee, 2019). Pure arithmetic, no clock.
 */
import { z } from 'zod';

/** A quantile read from a sketch is within 2 % of a true sample at that rank. */
export const RELATIVE_ERROR = 0.02;
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** 1 µs and 1 h, in seconds; what lies outside is counted at the edge. Bounds the sketch to some 550 buckets. */
const MIN_SECONDS = 1e-6;
const MAX_SECONDS = 3_600;

/** `{bucket index: count}`; a bucket i holds (γ^(i−1), γ^i] seconds. */
export const latencySketch = z.record(z.string().regex(/^-?\d+$/), z.int().min(0));
export type LatencySketch = z.output<typeof latencySketch>;

export class SketchRecorder {
  readonly #counts = new Map<number, number>();

  /** Counts one observation. @param seconds its length */
  observe(seconds: number): void {
    const clamped = Math.min(Math.max(seconds, MIN_SECONDS), MAX_SECONDS);
    const bucket = Math.ceil(Math.log(clamped) / LOG_GAMMA);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1);
  }

  snapshot(): LatencySketch {
    return Object.fromEntries([...this.#counts].map(([bucket, count]) => [String(bucket), count]));
  }
}

/** `after` minus `before`: what was observed in between. A counter that went back (a restart) counts from zero. */
export function sketchSince(after: LatencySketch, before: LatencySketch): LatencySketch {
  const restarted = Object.entries(before).some(([bucket, count]) => (after[bucket] ?? 0) < count);
  if (restarted) return after;
  return Object.fromEntries(
    Object.entries(after)
      .map(([bucket, count]) => [bucket, count - (before[bucket] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
}

export function mergeSketches(sketches: readonly LatencySketch[]): LatencySketch {
  const merged: LatencySketch = {};
  for (const sketch of sketches) {
    for (const [bucket, count] of Object.entries(sketch)) merged[bucket] = (merged[bucket] ?? 0) + count;
  }
  return merged;
}

/** The q-quantile in seconds, 0 ≤ q ≤ 1; undefined when nothing was observed. */
export function sketchQuantile(sketch: LatencySketch, q: number): number | undefined {
  const buckets = Object.entries(sketch)
    .map(([bucket, count]) => [Number(bucket), count] as const)
    .sort(([a], [b]) => a - b);
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return undefined;
  const rank = q * (total - 1);
  let seen = 0;
  for (const [bucket, count] of buckets) {
    seen += count;
    if (seen > rank) return (2 * GAMMA ** bucket) / (GAMMA + 1);
  }
  return undefined;
}
