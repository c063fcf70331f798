/** A clock that moves when a test says so. */
import type { Clock } from '../../../operator/kube/clock.ts';

interface Timer {
  at: number;
  callback: () => void;
}

/** More callbacks than this without the time moving on is a timer that arms itself again at once. */
const MOST_AT_ONE_TIME = 10_000;

export class FakeClock implements Clock {
  /** Not 0, and not whole: nobody may count on either. */
  #now = 1_000.25;
  readonly #wallAtZero: number;
  readonly #timers = new Set<Timer>();

  /** @param start what `wall` says at first, ms since 1970 */
  constructor(start = Date.parse('2026-01-01T00:00:00Z')) {
    this.#wallAtZero = start - this.#now;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wallAtZero + this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many callbacks are still to come. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Runs what is due, in order, and lets promises settle before, in between and after. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let atOneTime = 0; ; atOneTime++) {
      const next = this.#next();
      if (!next || next.at > end) break;
      if (next.at > this.#now) atOneTime = 0;
      if (atOneTime > MOST_AT_ONE_TIME) throw new Error('a timer is armed again and again without any time passing');
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await settle();
    }
    this.#now = end;
  }

  /** The earliest; of several, the one that was armed first. */
  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (!next || timer.at < next.at) next = timer;
    return next;
  }
}

/** Lets everything that is only waiting for promises happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
