/** One timer for many deadlines. */
import type { Clock } from '../clock.ts';

/** A sweep looks at everything, so it comes no more often than this, ms. */
const LEAST_MS = 5;

export class Sweep {
  readonly #clock: Clock;
  readonly #sweep: (now: number) => number;
  /** When the sweep that is due comes. */
  #at = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  /** @param sweep answers what is late. @returns the earliest deadline of the rest; infinite: there is none */
  constructor(clock: Clock, sweep: (now: number) => number) {
    this.#clock = clock;
    this.#sweep = sweep;
  }

  /** There is something with this deadline. */
  by(deadline: number): void {
    if (this.#at <= deadline) return;
    this.#cancel?.();
    this.#at = deadline;
    this.#cancel = this.#clock.after(Math.ceil(Math.max(1, deadline - this.#clock.now())), this.#due);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }

  readonly #due = (): void => {
    this.stop();
    const now = this.#clock.now();
    this.by(Math.max(this.#sweep(now), now + LEAST_MS));
  };
}
