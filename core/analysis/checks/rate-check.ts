/** `error-rate` and `disagreement`. */
import type { VersionEvidence } from '../model.ts';
import type { Prior } from '../statistics/blocks.ts';
import { RateTest, RatioTest } from '../statistics/rate.ts';
import { count, number, times } from '../text.ts';
import { type Check, type CheckOptions, type Finding, finding, inconclusive, tooFew, worst } from './check.ts';

/** What is counted: `x` of `n`. */
export interface RateKind {
  what: string;
  of(evidence: VersionEvidence): { x: number; n: number };
  prior: Prior;
  /** Said after the numbers. */
  note?(sums: { mirrorFailures: number }): string;
}

/** Failures come in bursts. */
export const ERROR_RATE: RateKind = {
  what: 'requests',
  of: ({ requests, failures }) => ({ x: failures, n: requests }),
  prior: { effect: 10, weight: 8 },
};

/** A mirrored request that the canary fails has no answer that could agree. */
export const DISAGREEMENT: RateKind = {
  what: 'mirrored requests',
  of: ({ pairs, differing, mirrorFailures }) => ({ x: differing + mirrorFailures, n: pairs + mirrorFailures }),
  prior: { effect: 1.5, weight: 4 },
  note: ({ mirrorFailures }) => (mirrorFailures > 0 ? ` (${count(mirrorFailures)} of them failed)` : ''),
};

export class RateCheck implements Check {
  readonly #options: CheckOptions;
  readonly #kind: RateKind;
  readonly #max: RateTest | undefined;
  readonly #min: RateTest | undefined;
  readonly #ratio: RatioTest | undefined;
  readonly #canary = { x: 0, n: 0 };
  readonly #stable = { x: 0, n: 0 };
  #mirrorFailures = 0;

  constructor(kind: RateKind, options: CheckOptions) {
    const { max, min, maxRatio } = options.spec;
    this.#options = options;
    this.#kind = kind;
    if (max !== undefined) this.#max = new RateTest(max, kind.prior);
    if (min !== undefined) this.#min = new RateTest(1 - min, kind.prior);
    if (maxRatio !== undefined) this.#ratio = new RatioTest(maxRatio, kind.prior);
  }

  add(canary: VersionEvidence, stable: VersionEvidence): void {
    const { x, n } = this.#kind.of(canary);
    const other = this.#kind.of(stable);
    this.#max?.add(x, n);
    this.#min?.add(n - x, n);
    this.#ratio?.add(x, n, other.x, other.n);
    this.#canary.x += x;
    this.#canary.n += n;
    this.#stable.x += other.x;
    this.#stable.n += other.n;
    this.#mirrorFailures += canary.mirrorFailures;
  }

  look(): Finding {
    const { name, minSamples } = this.#options;
    const { n } = this.#canary;
    if (n < Math.max(minSamples, 1)) return tooFew(name, n, minSamples, this.#kind.what);
    return worst([...this.#absolute(), ...this.#relative()]);
  }

  *#absolute(): Generator<Finding> {
    const { name, spec, threshold } = this.#options;
    const { x, n } = this.#canary;
    const rate = x / n;
    const note = this.#kind.note?.({ mirrorFailures: this.#mirrorFailures }) ?? '';
    const text = `${name} ${number(rate)} over ${count(n)} ${this.#kind.what}${note}`;
    if (this.#max && spec.max !== undefined) {
      yield finding(rate > spec.max, this.#max.evidence >= threshold, `${text}, allowed ${number(spec.max)}`);
    }
    if (this.#min && spec.min !== undefined) {
      yield finding(rate < spec.min, this.#min.evidence >= threshold, `${text}, at least ${number(spec.min)} wanted`);
    }
  }

  *#relative(): Generator<Finding> {
    const { name, stable, spec, threshold } = this.#options;
    if (!this.#ratio || spec.maxRatio === undefined) return;
    const { x, n } = this.#canary;
    if (this.#stable.n === 0) return yield inconclusive(`${name}: ${stable} has no requests to compare with`);
    const rate = x / n;
    const other = this.#stable.x / this.#stable.n;
    const ratio = rate === 0 ? 0 : rate / other;
    const text =
      `${name} ${number(rate)} against ${number(other)} of ${stable} (${times(ratio)}), ` +
      `allowed ${times(spec.maxRatio)}, over ${count(n)} ${this.#kind.what}`;
    yield finding(ratio > spec.maxRatio, this.#ratio.evidence >= threshold, text);
  }
}
