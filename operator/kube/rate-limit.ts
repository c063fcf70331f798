/** How fast: a token bucket for all keys together, and the backoff of one key. */
import type { Clock, Random } from './clock.ts';

export interface Rate {
  /** Tokens that come in a second, above 0. */
  perSecond: number;
  /** Tokens that the bucket holds, 1 or more. It starts full. */
  burst: number;
}

/** In any stretch of w seconds at most `burst + perSecond · w` tokens are taken. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  /** The moment that `#tokens` is of. */
  #at: number;

  /** @throws RangeError for a rate that would never let anything through */
  constructor(clock: Clock, { perSecond, burst }: Rate) {
    if (!(perSecond > 0)) throw new RangeError(`perSecond is ${perSecond}; it must be above 0`);
    if (!(burst >= 1)) throw new RangeError(`burst is ${burst}; it must be 1 or more`);
    this.#clock = clock;
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = clock.now();
  }

  /** Takes a token. False when there is none. */
  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /**
   * Whole milliseconds until there is a token; 0 when there is one. Rounding may make it a little short: who waited
   * and gets none asks again.
   */
  waitMs(): number {
    this.#fill();
    return this.#tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs));
  }

  #fill(): void {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
  }
}

export interface Backoff {
  /** Of the first failure, above 0. */
  firstMs: number;
  /** Longest, jitter included. */
  maxMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 250, maxMs: 60_000 };

/** 2^40 times any first delay is past any longest one, and no product overflows. */
const MOST_DOUBLINGS = 40;

/**
 * With d = min(maxMs, firstMs · 2^(failures − 1)): between d / 2 and d. Half is certain, so that a failing key never
 * spins; half is chance, so that keys that failed together do not come back together.
 * @param failures in a row, this one included
 */
export function backoffMs(failures: number, { firstMs, maxMs }: Backoff, random: Random): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, MOST_DOUBLINGS));
  return (full / 2) * (1 + random());
}
