/** Sketches summed over a window, and counts beyond a threshold that the sketch's rounding cannot make too large. */
import { type LatencySketch, RELATIVE_ERROR } from '../../../api/latency-sketch.ts';

const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** Buckets beyond these are counted at the edge: 0.1 µs and 4 days. */
const LOWEST = -400;
const HIGHEST = 320;

export class SketchSum {
  readonly #counts = new Float64Array(HIGHEST - LOWEST + 1);
  #total = 0;
  /** The cells that are not empty lie between these. */
  #first = HIGHEST - LOWEST;
  #last = 0;

  get total(): number {
    return this.#total;
  }

  add(sketch: LatencySketch): void {
    for (const key in sketch) {
      const count = sketch[key] as number;
      const cell = Math.min(Math.max(Number(key), LOWEST), HIGHEST) - LOWEST;
      this.#counts[cell] = (this.#counts[cell] as number) + count;
      this.#total += count;
      if (cell < this.#first) this.#first = cell;
      if (cell > this.#last) this.#last = cell;
    }
  }

  /**
   * Where the q-quantile is: its bucket, the part of all that is in the bucket, and the part of what is in the bucket that
   * lies above it, 0 to 1. Undefined where nothing was counted.
   */
  placeOf(q: number): { bucket: number; part: number; above: number } | undefined {
    const rank = q * (this.#total - 1);
    let seen = 0;
    for (let cell = this.#first; this.#total > 0 && cell <= this.#last; cell++) {
      const here = this.#counts[cell] as number;
      seen += here;
      if (seen <= rank) continue;
      const above = (seen - q * this.#total) / here;
      return { bucket: cell + LOWEST, part: here / this.#total, above: Math.min(Math.max(above, 0), 1) };
    }
    return undefined;
  }

  /** The q-quantile in seconds, within 2 %. */
  quantile(q: number): number | undefined {
    const place = this.placeOf(q);
    return place && (2 * GAMMA ** place.bucket) / (GAMMA + 1);
  }
}

/** Edges of a bucket, seconds: everything in the bucket is longer than `from`, and nothing is longer than `to`. */
export function edgesOf(bucket: number): { from: number; to: number } {
  return { from: GAMMA ** (bucket - 1), to: GAMMA ** bucket };
}

export function totalOf(sketch: LatencySketch): number {
  let total = 0;
  for (const key in sketch) total += sketch[key] as number;
  return total;
}

/** Observations that are longer than this for certain: the bucket that holds the threshold is not among them. */
export function countAbove(sketch: LatencySketch, seconds: number): number {
  // A threshold on an edge must not lose its bucket to rounding.
  const first = Math.ceil(Math.log(seconds) / LOG_GAMMA - 1e-9) + 1;
  let count = 0;
  for (const key in sketch) if (Number(key) >= first) count += sketch[key] as number;
  return count;
}

/** Observations that are not longer than this for certain. */
export function countBelow(sketch: LatencySketch, seconds: number): number {
  const last = Math.floor(Math.log(seconds) / LOG_GAMMA + 1e-9);
  let count = 0;
  for (const key in sketch) if (Number(key) <= last) count += sketch[key] as number;
  return count;
}
