import { type Clock, systemClock } from '../../../operator/kube/clock.ts';

interface Timer {
  /** By this clock. */
  due: number;
  callback: () => void;
  cancel: () => void;
}

/**
 * A clock that goes on from now at a speed that may change: what is seen at the speed of the world, however slow the
 * machine, can be followed by what takes minutes.
 */
export class FastClock implements Clock {
  #times: number;
  #since: { real: number; now: number; wall: number };
  readonly #timers = new Set<Timer>();

  constructor(times: number) {
    this.#times = times;
    this.#since = { real: systemClock.now(), now: systemClock.now(), wall: systemClock.wall() };
  }

  now(): number {
    return this.#since.now + this.#passed();
  }

  wall(): number {
    return this.#since.wall + this.#passed();
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { due: this.now() + ms, callback, cancel: () => {} };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => {
      timer.cancel();
      this.#timers.delete(timer);
    };
  }

  /** From now on it runs so many times as fast as the world's, what is waited for already too. */
  runs(times: number): void {
    this.#since = { real: systemClock.now(), now: this.now(), wall: this.wall() };
    this.#times = times;
    for (const timer of this.#timers) this.#arm(timer);
  }

  #passed(): number {
    return (systemClock.now() - this.#since.real) * this.#times;
  }

  #arm(timer: Timer): void {
    timer.cancel();
    timer.cancel = systemClock.after((timer.due - this.now()) / this.#times, () => {
      this.#timers.delete(timer);
      timer.callback();
    });
  }
}

/** A clock that runs so many times as fast, from now on: what takes half a minute takes a second. */
export function fastClock(times: number): FastClock {
  return new FastClock(times);
}
