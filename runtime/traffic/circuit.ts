/** Leaves a version alone that keeps failing, and lets one request at a time find out whether it is back. */
import type { Clock } from '../clock.ts';

/** Failures in a row that open the circuit. */
export const TRIP_AFTER = 5;
/** The circuit stays open 1, 2, 4 … 30 s. */
const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;

/** Names the period in which a request was let through; what it reports after that period is no news. */
export type Ticket = number;

export type CircuitState = 'closed' | 'open' | 'trial';

export class Circuit {
  readonly #clock: Clock;
  readonly #onChange: (state: CircuitState, delayMs: number) => void;
  #state: CircuitState = 'closed';
  #failures = 0;
  #delay = SHORTEST_MS;
  #until = 0;
  #period: Ticket = 0;

  constructor(clock: Clock, onChange: (state: CircuitState, delayMs: number) => void = () => {}) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** @returns a ticket to settle later, or undefined when the request must be kept away */
  enter(): Ticket | undefined {
    if (this.#state === 'closed') return this.#period;
    if (this.#state === 'trial' || this.#clock.now() < this.#until) return undefined;
    this.#move('trial');
    return this.#period;
  }

  succeeded(ticket: Ticket): void {
    if (ticket !== this.#period) return;
    this.#failures = 0;
    if (this.#state === 'closed') return;
    this.#delay = SHORTEST_MS;
    this.#move('closed');
  }

  failed(ticket: Ticket): void {
    if (ticket !== this.#period) return;
    if (this.#state === 'trial') this.#delay = Math.min(this.#delay * 2, LONGEST_MS);
    else if (++this.#failures < TRIP_AFTER) return;
    this.#until = this.#clock.now() + this.#delay;
    this.#move('open');
  }

  /** The request ended without saying anything of the version: its user hung up. The next one is the trial then. */
  abandoned(ticket: Ticket): void {
    if (ticket !== this.#period || this.#state !== 'trial') return;
    this.#state = 'open';
    this.#period++;
  }

  #move(state: CircuitState): void {
    this.#state = state;
    this.#failures = 0;
    this.#period++;
    this.#onChange(state, this.#delay);
  }
}
