/** Faults counted by kind, over proxies. */
import type { Trace } from './trace.ts';

export class Tally {
  readonly #counts = new Map<string, number>();
  #requests = 0;

  add(trace: Trace): void {
    for (const [kind, count] of trace.counts) {
      this.#requests += count;
      if (kind !== 'pass') this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
    }
  }

  merge(other: Tally): void {
    this.#requests += other.requests;
    for (const [kind, count] of other.counts) this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
  }

  /** Requests that the proxies saw. */
  get requests(): number {
    return this.#requests;
  }

  /** Faults by kind. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  get faults(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }
}
