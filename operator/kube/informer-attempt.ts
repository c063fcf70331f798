/** One list or one watch: it ends with its work, by order, or because the API server fell silent. */
import type { Clock, Random } from './clock.ts';

/** Why an attempt was ended from here. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  /** `Rewound`: the API server told of a time before what was seen. */
  readonly kind: 'Stopped' | 'Silent' | 'Rewound';

  constructor(kind: Interruption['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

export class Attempt {
  readonly #clock: Clock;
  readonly #silentMs: number;
  readonly #controller = new AbortController();
  #heardAt: number;
  #cancelTimer: () => void = () => {};
  /** Whether the API server gave a sign of life. */
  heard = false;

  /** @param silentMs how long nothing may be heard */
  constructor(clock: Clock, silentMs: number) {
    this.#clock = clock;
    this.#silentMs = silentMs;
    this.#heardAt = clock.now();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  hear(): void {
    this.heard = true;
    this.#heardAt = this.#clock.now();
  }

  interrupt(reason: Interruption): void {
    this.#controller.abort(reason);
  }

  /**
   * Settles as `work` does, or rejects with the Interruption at once, whether or not `work` heeds the signal. The signal
   * is aborted in any case afterwards: what the work still says does not count.
   */
  async run<R>(work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const { signal } = this;
    this.#guard(this.#silentMs);
    try {
      return await new Promise<R>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        work(signal).then(resolve, reject);
      });
    } finally {
      this.#cancelTimer();
      this.#controller.abort();
    }
  }

  #guard(ms: number): void {
    this.#cancelTimer = this.#clock.after(ms, () => {
      const left = this.#heardAt + this.#silentMs - this.#clock.now();
      if (left > 0) this.#guard(left);
      else this.interrupt(new Interruption('Silent', `nothing was heard for ${this.#silentMs / 1000} s`));
    });
  }
}

/** Doubling waits, a half of each by chance, so that those who failed together do not come back together. */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  readonly #random: Random;
  #failures = 0;

  /** @param ms the first and the longest wait, milliseconds */
  constructor([first, longest]: readonly [first: number, longest: number], random: Random) {
    this.#first = first;
    this.#longest = longest;
    this.#random = random;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure. @returns milliseconds to wait */
  next(): number {
    const base = Math.min(this.#longest, this.#first * 2 ** Math.min(this.#failures++, 30));
    return Math.round(base * (0.5 + this.#random() / 2));
  }

  reset(): void {
    this.#failures = 0;
  }
}
