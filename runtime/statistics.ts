/**
 * What one version did in this process since it started, as Triton's statistics extension counts it
 * (https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md).
 */
import type { Done } from './models/runner.ts';

/** How often, and how long altogether, nanoseconds. */
export interface Count {
  count: number;
  ns: number;
}

export interface BatchStatistics {
  /** Items of a run. Exact to 128; beyond, the power of two that it is not above. */
  batch_size: number;
  compute_input: Count;
  compute_infer: Count;
  compute_output: Count;
}

/** Triton's `model_stats` entry. Numbers are exact to 2^53. */
export interface ModelStatistics {
  name: string;
  version: string;
  /** Of the last request that was run, answered from the cache, or failed; ms since 1970. 0: there was none. */
  last_inference: number;
  /** Items that were run; what the cache or an identical request answered is not among them. */
  inference_count: number;
  /** Runs of the model: many items may share one. */
  execution_count: number;
  inference_stats: {
    success: Count;
    fail: Count;
    queue: Count;
    compute_input: Count;
    compute_infer: Count;
    compute_output: Count;
    cache_hit: Count;
    cache_miss: Count;
  };
  batch_stats: BatchStatistics[];
}

export interface StatisticsOptions {
  model: string;
  version: string;
  /** Whether answers are kept: only then is an answer that was run a miss. */
  cached: boolean;
  /** Ms since 1970. */
  wallClock(): number;
}

/** Sizes of runs up to this one are counted each by itself. */
const EXACT_SIZES = 128;
/** Beyond them, one count for each power of two: 2^8 … 2^31. */
const SIZES = EXACT_SIZES + 1 + 24;

/** Plain sums in milliseconds; objects are made by `snapshot` only. */
export class Statistics {
  readonly #options: StatisticsOptions;
  #last = 0;
  #items = 0;
  #runs = 0;
  #answered = 0;
  #answeredMs = 0;
  #failed = 0;
  #failedMs = 0;
  #queuedMs = 0;
  #ran = 0;
  #decodedMs = 0;
  #computedMs = 0;
  #encodedMs = 0;
  #hits = 0;
  #hitMs = 0;
  readonly #runsOfSize = new Float64Array(SIZES);
  readonly #computedMsOfSize = new Float64Array(SIZES);

  constructor(options: StatisticsOptions) {
    this.#options = options;
  }

  /**
   * A request was answered.
   * @param decodedMs bytes → tensors
   * @param encodedMs tensors → bytes
   */
  ran({ queued, computed, batch, items, first, from }: Done, decodedMs: number, encodedMs: number): void {
    this.#last = this.#options.wallClock();
    this.#answered++;
    this.#answeredMs += decodedMs + queued + computed + encodedMs;
    this.#queuedMs += queued;
    if (from === 'cache') {
      this.#hits++;
      this.#hitMs += computed;
    }
    if (from !== 'run') return;
    this.#ran++;
    this.#items += items;
    this.#decodedMs += decodedMs;
    this.#computedMs += computed;
    this.#encodedMs += encodedMs;
    if (!first) return;
    this.#runs++;
    const at = placeOf(batch);
    this.#runsOfSize[at] = (this.#runsOfSize[at] as number) + 1;
    this.#computedMsOfSize[at] = (this.#computedMsOfSize[at] as number) + computed;
  }

  /** A request that was read and found right was not answered: its run failed, or the runner refused or dropped it. */
  failed(ms: number): void {
    this.#last = this.#options.wallClock();
    this.#failed++;
    this.#failedMs += ms;
  }

  snapshot(): ModelStatistics {
    const { model, version, cached } = this.#options;
    const ran = (ms: number) => count(this.#ran, ms);
    return {
      name: model,
      version,
      last_inference: Math.floor(this.#last),
      inference_count: this.#items,
      execution_count: this.#runs,
      inference_stats: {
        success: count(this.#answered, this.#answeredMs),
        fail: count(this.#failed, this.#failedMs),
        queue: count(this.#answered, this.#queuedMs),
        compute_input: ran(this.#decodedMs),
        compute_infer: ran(this.#computedMs),
        compute_output: ran(this.#encodedMs),
        cache_hit: count(this.#hits, this.#hitMs),
        cache_miss: count(cached ? this.#ran : 0, 0),
      },
      batch_stats: this.#batches(),
    };
  }

  #batches(): BatchStatistics[] {
    const found: BatchStatistics[] = [];
    for (let at = 0; at < SIZES; at++) {
      const runs = this.#runsOfSize[at] as number;
      if (runs === 0) continue;
      found.push({
        batch_size: sizeAt(at),
        compute_input: count(runs, 0),
        compute_infer: count(runs, this.#computedMsOfSize[at] as number),
        compute_output: count(runs, 0),
      });
    }
    return found;
  }
}

function count(times: number, ms: number): Count {
  return { count: times, ns: Math.round(ms * 1e6) };
}

/** 1 → 1 … 128 → 128, 129 … 256 → 129, 257 … 512 → 130, … */
function placeOf(size: number): number {
  if (size <= EXACT_SIZES) return size;
  return Math.min(SIZES - 1, EXACT_SIZES + (32 - Math.clz32(Math.min(size, 2 ** 31) - 1)) - 7);
}

function sizeAt(place: number): number {
  return place <= EXACT_SIZES ? place : 2 ** (place - EXACT_SIZES + 7);
}
