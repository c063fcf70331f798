/** Tests of rates: of one version against a bound, and of the canary's against the stable version's. */
import { Blocks, type Expectation, type Prior } from './blocks.ts';
import { mixtureLog, ODDS } from './mixture.ts';

/**
 * "The rate is at most p₀", Bernoulli. With the odds at p₀ tilted by θ > 1, E_θ = θˣ / (1 + p₀(θ − 1))ⁿ: Wald's likelihood
 * ratio (1945), of mean ≤ 1 for every rate ≤ p₀.
 *
 * Example: 40 of 200 against 0.05: ln E = 26 nats for independent requests, so at φ = 2, 12 nats, one in 160,000.
 */
export class RateTest {
  readonly #bound: number;
  readonly #prior: Prior;
  readonly #blocks = new Blocks();

  constructor(bound: number, prior: Prior) {
    this.#bound = Math.min(Math.max(bound, 0), 1);
    this.#prior = prior;
  }

  /** @param x of `n` requests count against the version */
  add(x: number, n: number): void {
    if (n > 0) this.#blocks.add({ n, x, stableN: 0, stableX: 0 });
  }

  /** ln E, nats. */
  get evidence(): number {
    const { x, n } = this.#blocks.all;
    const logs = ODDS.map((odds) => x * Math.log(odds) - n * Math.log1p(this.#bound * (odds - 1)));
    // A bound of 0 says "never": the first is enough.
    if (this.#bound === 0) return x > 0 ? Number.POSITIVE_INFINITY : 0;
    return mixtureLog(logs, this.designEffect);
  }

  get designEffect(): number {
    return this.#blocks.designEffect(oneRate, this.#prior);
  }
}

/** Rates are the same in all samples. Half a request is added, so that none is impossible. */
const oneRate: Expectation = ({ n }, all) => {
  const rate = (all.x + 0.5) / (all.n + 1);
  return { mean: n * rate, variance: n * rate * (1 - rate) };
};

/**
 * "The canary's rate is at most r times the stable version's", whatever that is and however it moves: sample by sample,
 * of all that count against either, the canary's part is at most π = r·n_c / (r·n_c + n_s). Tilted by θ > 1,
 * E_θ = θ^x_c / (1 + π(θ − 1))^(x_c + x_s): the conditional binomial test (Przyborowski, Wilenski, 1940) as a
 * martingale. For independent binomials it holds without conditioning: by 1 + u ≤ eᵘ the mean of each factor is at most
 * exp(p_s·(r·n_c + n_s)·0) = 1.
 */
export class RatioTest {
  readonly #ratio: number;
  readonly #prior: Prior;
  readonly #blocks = new Blocks();
  readonly #logs = new Float64Array(ODDS.length);

  constructor(ratio: number, prior: Prior) {
    this.#ratio = ratio;
    this.#prior = prior;
  }

  /** @param x of the canary's `n` requests count against it; `stableX` of `stableN` against the stable version */
  add(x: number, n: number, stableX: number, stableN: number): void {
    // Without requests of both there is nothing to compare.
    if (n === 0 || stableN === 0) return;
    this.#blocks.add({ n, x, stableN, stableX });
    const part = (this.#ratio * n) / (this.#ratio * n + stableN);
    ODDS.forEach((odds, i) => {
      const log = x * Math.log(odds) - (x + stableX) * Math.log1p(part * (odds - 1));
      this.#logs[i] = (this.#logs[i] as number) + log;
    });
  }

  /** ln E, nats. */
  get evidence(): number {
    return mixtureLog(this.#logs, this.designEffect);
  }

  get designEffect(): number {
    return this.#blocks.designEffect(onePart, this.#prior);
  }
}

/** The canary's part of what counts against either is the one that was estimated, by the requests of each sample. */
const onePart: Expectation = ({ n, stableN, x, stableX }, all) => {
  const ratio = (all.x + 0.5) / all.n / ((all.stableX + 0.5) / all.stableN);
  const part = (ratio * n) / (ratio * n + stableN);
  return { mean: (x + stableX) * part, variance: (x + stableX) * part * (1 - part) };
};
