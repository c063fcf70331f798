/**
 * A model that was measured as tiny and turns out slow, as one whose work depends on the values of a request may, leaves
 * the thread that serves for a worker. It does not come back.
 */
import type { Clock } from '../clock.ts';
import type { Executor } from './executor.ts';

export interface MovingOptions {
  clock: Pick<Clock, 'now'>;
  openWorker(): Promise<Executor>;
  /** It runs in a worker from now on. */
  moved(): void;
  warn(message: string): void;
}

/** A run that kept the loop for longer counts, ms. */
const SLOW_MS = 10;
/** Of one run: a single pause of the machine is not enough. */
const MOST_COUNTED_MS = 100;
/** What each other run takes back, and what it takes to move, ms. */
const FORGIVEN_MS = 2.5;
const MOVE_AT_MS = 200;

export function moving(main: Executor, options: MovingOptions): Executor {
  return new MovingExecutor(main, options);
}

class MovingExecutor implements Executor {
  readonly signature: Executor['signature'];
  readonly providers: Executor['providers'];
  readonly #options: MovingOptions;
  #current: Executor;
  #counted = 0;
  #move: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(main: Executor, options: MovingOptions) {
    this.signature = main.signature;
    this.providers = main.providers;
    this.#options = options;
    this.#current = main;
  }

  get place(): Executor['place'] {
    return this.#current.place;
  }

  run(...args: Parameters<Executor['run']>): ReturnType<Executor['run']> {
    if (this.#move) return this.#current.run(...args);
    const { clock } = this.#options;
    const started = clock.now();
    // On main the run is over when this returns.
    const result = this.#current.run(...args);
    this.#count(clock.now() - started);
    return result;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#move;
    await this.#current.close();
  }

  #count(ms: number): void {
    if (ms > SLOW_MS) this.#counted += Math.min(ms, MOST_COUNTED_MS);
    else if (this.#counted > 0) this.#counted = Math.max(0, this.#counted - FORGIVEN_MS);
    if (this.#counted >= MOVE_AT_MS && !this.#closing) this.#move = this.#toWorker(ms);
  }

  /** Until the worker is ready, runs go on here. */
  async #toWorker(ms: number): Promise<void> {
    const { openWorker, moved, warn } = this.#options;
    warn(`runs of the model take long after all (the last one ${Math.round(ms)} ms): it moves to a worker`);
    const main = this.#current;
    try {
      this.#current = await openWorker();
      moved();
      await main.close();
    } catch (error) {
      warn(`the model stays where it is: ${(error as Error).message}`);
    }
  }
}
