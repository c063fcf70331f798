/** `output-shift`: whether the canary gives other predictions than the stable version, over all requests. */
import type { OutputCounts } from '../../../api/pod-report.ts';
import type { VersionEvidence } from '../model.ts';
import type { Prior } from '../statistics/blocks.ts';
import { DifferenceTest } from '../statistics/difference.ts';
import { mixtureLog } from '../statistics/mixture.ts';
import { clipped, count, number } from '../text.ts';
import { type Check, type CheckOptions, type Finding, finding, inconclusive, tooFew, worst } from './check.ts';
import { Distribution, UNNAMED } from './distribution.ts';

/** Users send alike requests one after the other. */
const PRIOR: Prior = { effect: 2, weight: 4 };
/** As many as a table may ask for. */
const MOST_OUTPUTS = 16;

export class ShiftCheck implements Check {
  readonly #options: CheckOptions;
  readonly #outputs = new Map<string, OutputShift>();
  #requests = 0;

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  add(canary: VersionEvidence, stable: VersionEvidence): void {
    this.#requests += canary.requests;
    for (const name of new Set([...Object.keys(canary.outputs), ...Object.keys(stable.outputs)])) {
      this.#output(name, canary.outputs[name] ?? stable.outputs[name])?.add(canary.outputs[name], stable.outputs[name]);
    }
  }

  #output(name: string, counts: OutputCounts | undefined): OutputShift | undefined {
    const known = this.#outputs.get(name);
    if (known || !counts || this.#outputs.size >= MOST_OUTPUTS) return known;
    const fresh = new OutputShift(counts.kind, this.#options.spec.max ?? 1);
    this.#outputs.set(name, fresh);
    return fresh;
  }

  look(): Finding {
    const { name, minSamples } = this.#options;
    if (this.#requests < Math.max(minSamples, 1)) return tooFew(name, this.#requests, minSamples, 'requests');
    if (this.#outputs.size === 0) return inconclusive(`${name}: no pod reports its predictions`);
    // The mean of martingales is one: many outputs are one test.
    const evidence = mixtureLog(
      [...this.#outputs.values()].map((output) => output.evidence),
      1,
    );
    const shown = evidence >= this.#options.threshold;
    return worst([...this.#outputs].map(([output, shift]) => this.#finding(output, shift, shown)));
  }

  #finding(output: string, { distribution }: OutputShift, shown: boolean): Finding {
    const { name, stable, spec } = this.#options;
    const of = `${name} of output '${clipped(output, 64)}'`;
    const { canary, stable: other } = distribution;
    if (canary === 0) return inconclusive(`${of}: no predictions yet`);
    if (other === 0) return inconclusive(`${of}: ${stable} has no predictions to compare with`);
    const distance = distribution.distance();
    const text = `${of} ${number(distance)} over ${count(canary)} predictions against ${count(other)} of ${stable}`;
    const { max, min } = spec;
    if (min !== undefined && distance < min) return inconclusive(`${text}, at least ${number(min)} wanted`);
    const beyond = max !== undefined && distance > max;
    // The evidence is of all outputs together: one that is within its bound does not have to answer for the others.
    const allowed = max === undefined ? `at least ${number(min ?? 0)} wanted` : `allowed ${number(max)}`;
    return finding(beyond, beyond && shown, `${text}, ${allowed}`);
  }
}

/**
 * The total variation distance is the largest difference that any set of classes shows: P_c(A) − P_s(A) over all A. So
 * "at most δ" is tested on one A, the classes that the canary gave more often in the samples before: it was chosen
 * before the sample was seen, so the sample is fair to it.
 */
class OutputShift {
  readonly distribution: Distribution;
  readonly #test: DifferenceTest;

  constructor(kind: OutputCounts['kind'], max: number) {
    this.distribution = new Distribution(kind);
    this.#test = new DifferenceTest(max, PRIOR);
  }

  get evidence(): number {
    return this.#test.evidence;
  }

  add(canary: OutputCounts | undefined, stable: OutputCounts | undefined): void {
    const own = canary?.kind === this.distribution.kind ? canary.counts : {};
    const other = stable?.kind === this.distribution.kind ? stable.counts : {};
    if (this.distribution.canary > 0 && this.distribution.stable > 0) this.#testOn(own, other);
    this.distribution.add('canary', own);
    this.distribution.add('stable', other);
  }

  /** Labels without a name may be any: what is unnamed of the stable version counts as in A, of the canary as not. */
  #testOn(own: Record<string, number>, other: Record<string, number>): void {
    const more = this.distribution.moreOften();
    more.delete(UNNAMED);
    const canary = within(own, more);
    const stable = within(other, more.add(UNNAMED));
    this.#test.add(canary.x, canary.n, stable.x, stable.n);
  }
}

function within(counts: Record<string, number>, keys: ReadonlySet<string>): { x: number; n: number } {
  let x = 0;
  let n = 0;
  for (const key in counts) {
    n += counts[key] as number;
    if (keys.has(key)) x += counts[key] as number;
  }
  return { x, n };
}
