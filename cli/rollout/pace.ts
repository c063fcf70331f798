/** Time as the commands see it, so that a test can bring its own. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Pace {
  /** Ms since 1970. */
  now(): number;
  wait(ms: number): Promise<void>;
}

export const realPace: Pace = {
  now: () => Date.now(),
  wait: (ms) => sleep(ms),
};
