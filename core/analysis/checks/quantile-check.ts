/** `latency-p50`, `-p95`, `-p99`, `queue-p95` and `-p99`. */
import type { LatencySketch } from '../../../api/latency-sketch.ts';
import type { VersionEvidence } from '../model.ts';
import type { Prior } from '../statistics/blocks.ts';
import { RateTest, RatioTest } from '../statistics/rate.ts';
import { countAbove, countBelow, edgesOf, SketchSum, totalOf } from '../statistics/sketch-sum.ts';
import { count, seconds, times } from '../text.ts';
import { type Check, type CheckOptions, type Finding, finding, inconclusive, tooFew, worst } from './check.ts';

/** Slow requests come in bursts: one pause of a process slows all that wait for it. */
const PRIOR: Prior = { effect: 8, weight: 4 };

/**
 * A quantile is beyond a bound L exactly when more than 1 − q of the requests are slower than L, so quantiles are tested
 * as rates, and the rounding of the sketch only ever takes requests away from the slower ones.
 *
 * For the ratio r, both are counted beyond the same place: the stable version's requests above the q-quantile Q of its
 * window so far, the canary's above r·Q. Where the canary is no more than r times as slow, it has no larger a part there.
 * Q is somewhere in a bucket of the sketch. Where the bucket holds few of the stable version's requests, its lower edge is
 * the place. Where it holds many, perhaps all, as large a part of them counts as lies above the rank of Q, and the
 * canary's count from r times its upper edge on.
 * Q comes from the sample itself too. Where it comes from nothing else, that is still right: walking down from the slowest,
 * the versions of independent requests are a sequence of coin tosses, and Q stops it at a toss that shows the stable
 * version. Where it comes from earlier samples alone, it is a threshold like any. In between, only simulation says so.
 */
export class QuantileCheck implements Check {
  readonly #options: CheckOptions;
  readonly #q: number;
  readonly #sketch: 'latency' | 'queue';
  readonly #max: RateTest | undefined;
  readonly #min: RateTest | undefined;
  readonly #ratio: RatioTest | undefined;
  readonly #canary = new SketchSum();
  readonly #stable = new SketchSum();
  #requests = 0;

  /** @param q 0 < q < 1 */
  constructor(sketch: 'latency' | 'queue', q: number, options: CheckOptions) {
    const { max, min, maxRatio } = options.spec;
    this.#options = options;
    this.#sketch = sketch;
    this.#q = q;
    if (max !== undefined) this.#max = new RateTest(1 - q, PRIOR);
    if (min !== undefined) this.#min = new RateTest(q, PRIOR);
    if (maxRatio !== undefined) this.#ratio = new RatioTest(1, PRIOR);
  }

  add(canary: VersionEvidence, stable: VersionEvidence): void {
    const { max = 0, min = 0 } = this.#options.spec;
    const own = canary[this.#sketch];
    const other = stable[this.#sketch];
    const n = totalOf(own);
    this.#canary.add(own);
    this.#stable.add(other);
    this.#requests += canary.requests;
    this.#max?.add(countAbove(own, max), n);
    this.#min?.add(countBelow(own, min), n);
    this.#compare(own, n, other);
  }

  #compare(own: LatencySketch, n: number, other: LatencySketch): void {
    const place = this.#stable.placeOf(this.#q);
    if (!this.#ratio || place === undefined) return;
    const { bucket, part, above } = place;
    const { from, to } = edgesOf(bucket);
    const few = part <= (1 - this.#q) / 2;
    const slower = countAbove(own, (few ? from : to) * (this.#options.spec.maxRatio ?? 1));
    const split = () => countAbove(other, to) + above * (other[String(bucket)] ?? 0);
    this.#ratio.add(slower, n, few ? countAbove(other, from) : split(), totalOf(other));
  }

  look(): Finding {
    const { name, minSamples } = this.#options;
    // Not each request waits in a queue, but each that is answered has a latency.
    const seen = this.#sketch === 'latency' ? this.#canary.total : this.#requests;
    if (seen < Math.max(minSamples, 1)) return tooFew(name, seen, minSamples, 'requests');
    const value = this.#canary.quantile(this.#q);
    if (value === undefined) return inconclusive(`${name}: nothing was measured in ${count(seen)} requests`);
    return worst([...this.#absolute(value), ...this.#relative(value)]);
  }

  *#absolute(value: number): Generator<Finding> {
    const { name, spec, threshold } = this.#options;
    const text = `${name} ${seconds(value)} over ${count(this.#canary.total)} requests`;
    if (this.#max && spec.max !== undefined) {
      yield finding(value > spec.max, this.#max.evidence >= threshold, `${text}, allowed ${seconds(spec.max)}`);
    }
    if (this.#min && spec.min !== undefined) {
      const shown = this.#min.evidence >= threshold;
      yield finding(value < spec.min, shown, `${text}, at least ${seconds(spec.min)} wanted`);
    }
  }

  *#relative(value: number): Generator<Finding> {
    const { name, stable, spec, threshold } = this.#options;
    if (!this.#ratio || spec.maxRatio === undefined) return;
    const other = this.#stable.quantile(this.#q);
    if (other === undefined) return yield inconclusive(`${name}: ${stable} has no requests to compare with`);
    const text =
      `${name} ${seconds(value)} against ${seconds(other)} of ${stable} (${times(value / other)}), ` +
      `allowed ${times(spec.maxRatio)}, over ${count(this.#canary.total)} requests`;
    yield finding(value / other > spec.maxRatio, this.#ratio.evidence >= threshold, text);
  }
}
