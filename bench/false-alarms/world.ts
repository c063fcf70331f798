/** Two versions under traffic, counted as the operator counts them. */
import { RELATIVE_ERROR } from '../../api/latency-sketch.ts';
import type { EvidenceSample, VersionEvidence } from '../../core/analysis/model.ts';
import { binomial, normal, normalQuantile, poisson, type Uniform } from './random.ts';

const LOG_GAMMA = Math.log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR));
const MEDIAN_SECONDS = 0.01;
/** Of the logarithm of the latency. */
const SPREAD = 0.5;

/** Quantiles of the standard normal: a draw of one is a normal of sorts, and much faster. */
const NORMALS = Float64Array.from({ length: 16_384 }, (_, i) => normalQuantile((i + 0.5) / 16_384));

/** Scratch: counts by bucket of a sketch. */
const COUNTS = new Int32Array(400);
const ZERO = 300;

export interface Behaviour {
  /** Fraction of requests that fail. */
  errors: number;
  /** Failures come in spells: in one tenth of the time ten times as many. */
  spells?: boolean;
  /** Times the median latency of all. */
  slowness: number;
  /** Latency wanders: standard deviation of its logarithm, forgotten within some 15 s. */
  wander: number;
  /** Stops of the whole version, each of 0.2 s: how many a minute. */
  pauses: number;
  /** Fraction of mirrored requests whose predictions differ. */
  differing: number;
  /** Requests with the same predictions in a row. */
  alike?: number;
  /** Distribution of labels; empty where nobody counts them. */
  labels: readonly number[];
}

export interface Traffic {
  /** Requests a second, of all users. */
  rate: number;
  /** Fraction of them mirrored to the canary. */
  mirror: number;
  /** Latency of both wanders together: standard deviation of its logarithm. */
  together: number;
}

class Version {
  readonly #uniform: Uniform;
  readonly #is: Behaviour;
  #wander = 0;
  #spell = false;

  constructor(uniform: Uniform, is: Behaviour) {
    this.#uniform = uniform;
    this.#is = is;
  }

  /** @param together what was added to the logarithm of the latency of both */
  count(requests: number, seconds: number, together: number): VersionEvidence {
    this.#wander = wandered(this.#uniform, this.#wander, this.#is.wander);
    const failures = this.#failures(requests);
    return {
      requests,
      failures,
      latency: this.#latency(requests, seconds, together),
      queue: {},
      pairs: 0,
      differing: 0,
      mirrorFailures: 0,
      outputs: { label: { kind: 'labels', counts: this.#labels(requests) } },
      custom: {},
    };
  }

  pairs(pairs: number): { pairs: number; differing: number } {
    const { alike = 1, differing } = this.#is;
    return { pairs, differing: Math.min(alike * binomial(this.#uniform, Math.ceil(pairs / alike), differing), pairs) };
  }

  #failures(requests: number): number {
    const { errors, spells } = this.#is;
    if (!spells) return binomial(this.#uniform, requests, errors);
    // Spells of 10 s on average, every 100 s.
    this.#spell = this.#uniform() < (this.#spell ? 0.5 : 0.0556);
    return binomial(this.#uniform, requests, this.#spell ? errors * 5.5 : errors / 2);
  }

  #latency(requests: number, seconds: number, together: number): Record<string, number> {
    COUNTS.fill(0);
    const middle = Math.log(MEDIAN_SECONDS * this.#is.slowness) + this.#wander + together;
    const stops = poisson(this.#uniform, (this.#is.pauses * seconds) / 60);
    const stopped = Math.min(Math.round(((stops * 0.2) / seconds) * requests), requests);
    for (let i = 0; i < requests; i++) {
      let log = middle + SPREAD * (NORMALS[(this.#uniform() * NORMALS.length) | 0] as number);
      if (i < stopped) log = Math.log(Math.exp(log) + 0.2 * this.#uniform());
      const cell = Math.min(Math.max(Math.ceil(log / LOG_GAMMA) + ZERO, 0), COUNTS.length - 1);
      COUNTS[cell] = (COUNTS[cell] as number) + 1;
    }
    const sketch: Record<string, number> = {};
    for (let cell = 0; cell < COUNTS.length; cell++) if (COUNTS[cell]) sketch[cell - ZERO] = COUNTS[cell] as number;
    return sketch;
  }

  #labels(requests: number): Record<string, number> {
    const counts: Record<string, number> = {};
    const { labels, alike = 1 } = this.#is;
    let left = requests;
    let part = 1;
    labels.forEach((share, label) => {
      const drawn = alike * binomial(this.#uniform, Math.round(left / alike), Math.min(share / part, 1));
      const count = Math.min(drawn, left);
      if (count > 0) counts[label] = count;
      left -= count;
      part -= share;
    });
    return counts;
  }
}

function wandered(uniform: Uniform, state: number, spread: number): number {
  return spread === 0 ? 0 : 0.7 * state + Math.sqrt(1 - 0.7 ** 2) * spread * normal(uniform);
}

export class World {
  readonly #uniform: Uniform;
  readonly #traffic: Traffic;
  readonly #stable: Version;
  readonly #canary: Version;
  #together = 0;

  constructor(uniform: Uniform, traffic: Traffic, stable: Behaviour, canary: Behaviour) {
    this.#uniform = uniform;
    this.#traffic = traffic;
    this.#stable = new Version(uniform, stable);
    this.#canary = new Version(uniform, canary);
  }

  /** What is counted in some seconds that end at `at`. @param share the canary's, 0 to 1 */
  sample(at: number, seconds: number, share: number): EvidenceSample {
    const { rate, mirror, together } = this.#traffic;
    this.#together = wandered(this.#uniform, this.#together, together);
    const canary = poisson(this.#uniform, rate * seconds * share);
    const stable = poisson(this.#uniform, rate * seconds * (1 - share));
    const mirrored = this.#canary.pairs(binomial(this.#uniform, stable, mirror));
    return {
      at,
      versions: {
        v1: this.#stable.count(stable, seconds, this.#together),
        v2: { ...this.#canary.count(canary, seconds, this.#together), ...mirrored },
      },
    };
  }
}
