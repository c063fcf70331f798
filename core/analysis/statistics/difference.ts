/** Test of a difference of two rates against a bound. */
import { Blocks, type Expectation, type Prior } from './blocks.ts';
import { mixtureLog } from './mixture.ts';

/** Tilts; the best for a difference d beyond the bound is 4 d. */
const TILTS: readonly number[] = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2];

/**
 * "The canary's rate is at most δ above the stable version's." Of a sample with difference d, m = n_c·n_s / (n_c + n_s):
 * E_λ = exp(λ·m·(d − δ) − λ²·m/8), of mean ≤ 1 by Hoeffding's lemma (1963), whatever the two rates are.
 */
export class DifferenceTest {
  readonly #bound: number;
  readonly #prior: Prior;
  readonly #blocks = new Blocks();
  #sum = 0;
  #weight = 0;

  constructor(bound: number, prior: Prior) {
    this.#bound = bound;
    this.#prior = prior;
  }

  add(x: number, n: number, stableX: number, stableN: number): void {
    if (n === 0 || stableN === 0) return;
    const weight = (n * stableN) / (n + stableN);
    this.#sum += weight * (x / n - stableX / stableN - this.#bound);
    this.#weight += weight;
    this.#blocks.add({ n, x, stableN, stableX });
  }

  /** ln E, nats. */
  get evidence(): number {
    const logs = TILTS.map((tilt) => tilt * this.#sum - (tilt ** 2 * this.#weight) / 8);
    return mixtureLog(logs, this.#blocks.designEffect(oneDifference, this.#prior));
  }
}

/** The difference is the same in all samples; the variance is the largest that rates can have, as in the test. */
const oneDifference: Expectation = ({ n, stableN, stableX }, all) => {
  const difference = all.x / all.n - all.stableX / all.stableN;
  return { mean: n * (difference + stableX / stableN), variance: (n * (n + stableN)) / (4 * stableN) };
};
