/** What is to go wrong, and when. The proxy asks for each request; a plan with a seed says the same every time. */
import type { Random } from '../../operator/kube/clock.ts';
import { between, seededRandom, weighted } from './random.ts';
import type { ApiRequest } from './request.ts';

/** What happens to a request. Times in milliseconds. */
export type Fault =
  | { kind: 'pass' }
  /** The connection is cut, and the API server never hears of it. */
  | { kind: 'cut-before' }
  /** The API server did it; the connection is cut before the answer. */
  | { kind: 'cut-after' }
  | { kind: 'conflict' }
  /** 429, come again after a second. */
  | { kind: 'throttle' }
  | { kind: 'error' }
  | { kind: 'unavailable' }
  /** Not forwarded and not answered, until the client gives up or `ms` are over; then cut. */
  | { kind: 'hang'; ms: number }
  /** Forwarded at once; the answer is held until the client gives up or `ms` are over; then cut. */
  | { kind: 'late'; ms: number }
  /** Forwarded a moment later, so that others overtake it. */
  | { kind: 'slow'; ms: number }
  /** Of a watch: after so many events no byte comes, and the connection stays for `ms`. */
  | { kind: 'stall'; events: number; ms: number }
  /** Of a watch: cut after so many events; `torn`: in the middle of the next one. */
  | { kind: 'watch-cut'; events: number; torn: boolean }
  /** Of a watch: its resourceVersion is said to be too old. */
  | { kind: 'expired' }
  /** Of a list: an older answer to the same question, if one is remembered. */
  | { kind: 'stale' };

export type FaultKind = Fault['kind'];

export interface FaultPlan {
  decide(request: ApiRequest): Fault;
}

export const PASS: Fault = { kind: 'pass' };

/** Nothing goes wrong. */
export const noFaults: FaultPlan = { decide: () => PASS };

const WRITE_FAULTS = {
  'cut-before': 3,
  'cut-after': 4,
  conflict: 3,
  throttle: 2,
  error: 2,
  unavailable: 2,
  hang: 1,
  late: 2,
  slow: 4,
};
const READ_FAULTS = {
  'cut-before': 3,
  'cut-after': 3,
  throttle: 2,
  error: 2,
  unavailable: 2,
  hang: 1,
  late: 1,
  slow: 4,
};
const LIST_FAULTS = { ...READ_FAULTS, stale: 8 };
const WATCH_FAULTS = { 'cut-before': 2, throttle: 1, error: 1, unavailable: 1, stall: 3, 'watch-cut': 6, expired: 3 };

export interface RandomPlanOptions {
  /** Probability that a request meets a fault; default 0.15. */
  rate?: number;
  /** The same of a watch; default 0.5. */
  watchRate?: number;
  /** Longest that an answer is held, ms; a silent watch is kept for up to three times as long. Default 3,000. */
  holdMs?: number;
}

/** Faults by probability. `calm` ends them: what comes after passes. */
export class RandomPlan implements FaultPlan {
  readonly #random: Random;
  readonly #rate: number;
  readonly #watchRate: number;
  readonly #holdMs: number;
  #calm = false;

  constructor(seed: number, { rate = 0.15, watchRate = 0.5, holdMs = 3_000 }: RandomPlanOptions = {}) {
    this.#random = seededRandom(seed);
    this.#rate = rate;
    this.#watchRate = watchRate;
    this.#holdMs = holdMs;
  }

  calm(): void {
    this.#calm = true;
  }

  decide({ verb, write }: ApiRequest): Fault {
    const rate = verb === 'watch' ? this.#watchRate : this.#rate;
    const hit = this.#random() < rate;
    if (this.#calm || !hit) return PASS;
    if (verb === 'watch') return this.#filled(weighted(this.#random, WATCH_FAULTS));
    if (verb === 'list') return this.#filled(weighted(this.#random, LIST_FAULTS));
    return this.#filled(weighted(this.#random, write ? WRITE_FAULTS : READ_FAULTS));
  }

  #filled(kind: FaultKind): Fault {
    const random = this.#random;
    switch (kind) {
      case 'hang':
      case 'late':
        return { kind, ms: between(random, Math.round(this.#holdMs / 3), this.#holdMs) };
      case 'slow':
        return { kind, ms: between(random, 20, 400) };
      case 'stall':
        return {
          kind,
          events: between(random, 0, 10),
          ms: between(random, Math.round(this.#holdMs / 3), this.#holdMs),
        };
      case 'watch-cut':
        return { kind, events: between(random, 0, 10), torn: random() < 0.5 };
      default:
        return { kind };
    }
  }
}

/** One fault, for the `position`-th request (from 1) of those that count. */
export class OneFault implements FaultPlan {
  readonly #position: number;
  readonly #fault: Fault;
  readonly #counts: (request: ApiRequest) => boolean;
  #seen = 0;

  constructor(position: number, fault: Fault, counts: (request: ApiRequest) => boolean = () => true) {
    this.#position = position;
    this.#fault = fault;
    this.#counts = counts;
  }

  /** How many requests counted so far. */
  get seen(): number {
    return this.#seen;
  }

  decide(request: ApiRequest): Fault {
    if (!this.#counts(request)) return PASS;
    this.#seen++;
    return this.#seen === this.#position ? this.#fault : PASS;
  }
}
