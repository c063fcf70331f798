/** Makes samples of a canary that is good, or bad in one way. What a kind means is in `KINDS`. */
import { SketchRecorder } from '../../api/latency-sketch.ts';
import { ALL } from '../../api/units.ts';
import type { EvidenceSample, VersionEvidence } from '../../core/analysis/model.ts';
import { hits, lognormal, rounded, seeded } from './random.ts';
import type { SampleSource, Served } from './source.ts';

/** What `:AMOUNT` means, and what it is when left out. */
export const KINDS = {
  good: { amount: 0, says: 'as the stable version' },
  errors: { amount: 0.05, says: 'fails that fraction of its requests' },
  slow: { amount: 3, says: 'takes so many times as long' },
  disagree: { amount: 0.2, says: 'predicts otherwise on that fraction of the requests' },
} as const;

export type Kind = keyof typeof KINDS;

export interface MakeOptions {
  kind: Kind;
  amount: number;
  /** Requests a second, of all versions together. */
  rate: number;
  seed: number;
}

/** What is taken for normal: answers of 5xx, a median of 5 ms, and pairs that differ by chance. */
const ERRORS = 0.0005;
const MEDIAN_SECONDS = 0.005;
const SIGMA = 0.4;
const DIFFERS = 0.005;
const QUEUE_SECONDS = 0.0005;
const CLASSES = 10;

export class MadeSamples implements SampleSource {
  readonly exhausted = false;
  readonly #options: MakeOptions;
  readonly #random: () => number;
  #madeAt = 0;

  constructor(options: MakeOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
  }

  /** One for what was served since the last one. */
  take(at: number, { shares, shadows, stable }: Served): EvidenceSample[] {
    const requests = (this.#options.rate * (at - this.#madeAt)) / 1_000;
    this.#madeAt = at;
    const versions: Record<string, VersionEvidence> = {};
    for (const [name, share] of shares) {
      const canary = name !== stable;
      const shadow = (shadows.get(name) ?? 0) / ALL;
      const mirrored = canary ? (requests * shadow * (shares.get(stable) ?? 0)) / ALL : 0;
      versions[name] = this.#version(rounded(this.#random, (requests * share) / ALL), mirrored, canary);
    }
    return [{ at, versions }];
  }

  #version(requests: number, mirrored: number, canary: boolean): VersionEvidence {
    const { kind, amount } = this.#options;
    const random = this.#random;
    const bad = (of: Kind) => canary && kind === of;
    const failures = hits(random, requests, bad('errors') ? amount : ERRORS);
    const pairs = rounded(random, mirrored);
    const differing = hits(random, pairs, bad('disagree') ? amount : DIFFERS);
    const [latency, queue] = [new SketchRecorder(), new SketchRecorder()];
    const labels: Record<string, number> = {};
    for (let i = 0; i < requests; i++) {
      latency.observe(lognormal(random, MEDIAN_SECONDS, SIGMA) * (bad('slow') ? amount : 1));
      queue.observe(lognormal(random, QUEUE_SECONDS, SIGMA));
      const label = bad('disagree') && random() < amount ? 0 : Math.floor(random() * CLASSES);
      labels[label] = (labels[label] ?? 0) + 1;
    }
    return {
      requests,
      failures,
      latency: latency.snapshot(),
      queue: queue.snapshot(),
      pairs,
      differing,
      mirrorFailures: 0,
      outputs: { label: { kind: 'labels', counts: labels } },
      custom: {},
    };
  }
}
