/** What a version did since it was loaded, as Triton's statistics extension counts it. */
import type { Done } from './models/runner.ts';

/** How often, and how long altogether, nanoseconds. */
export interface Count {
  count: number;
  ns: number;
}

export class Statistics {
  /** A request was answered. */
  ran(_done: Done): void {}
}
