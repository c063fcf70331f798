/** Times of the monotonic clock → times of day, as spans carry them. */
import type { HrTime } from '@opentelemetry/api';
import type { Clock } from '../clock.ts';

/** The system's time may be set anew: it is looked at again after so long, ms. */
const LOOK_AGAIN_MS = 10_000;

export class Wall {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #wallClock: () => number;
  #offset = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param wallClock ms since 1970, with a fraction */
  constructor(clock: Pick<Clock, 'now'>, wallClock: () => number = preciseNow) {
    this.#clock = clock;
    this.#wallClock = wallClock;
  }

  now(): number {
    return this.#clock.now();
  }

  /** To be added to times of the clock. All times of one request take the same, or a child could begin before its parent. */
  offset(now: number): number {
    if (now - this.#lookedAt > LOOK_AGAIN_MS) {
      this.#lookedAt = now;
      this.#offset = this.#wallClock() - this.#clock.now();
    }
    return this.#offset;
  }
}

/** @param ms since 1970 */
export function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.floor((ms - seconds * 1_000) * 1e6)];
}

/** `Date.now` is whole milliseconds, which is longer than a small model takes; this one does not follow when time is set. */
function preciseNow(): number {
  const precise = performance.timeOrigin + performance.now();
  const now = Date.now();
  return Math.abs(precise - now) < 20 ? precise : now;
}
