/** How much may go wrong by chance, and how it is divided. */
import type { CheckSpec } from './checks/check.ts';
import { testsOf } from './checks/create.ts';

/**
 * A walk of good canaries is rolled back with at most this probability, however long it takes: by Ville's inequality and
 * the union bound where requests are independent. Half a percent, so that with bursts it stays under one.
 */
export const WALK_ALPHA = 0.005;

/**
 * ln(1/α) of one bound of one check of one canary, nats. Step s = 0, 1, … gets 1/((s+1)(s+2)) of the walk's α, which sums
 * to 1 over any number of steps; all bounds of all canaries get equal parts of it. A window that a person begins anew at
 * the same step, or that a restart of the process loses, has its step's part once more.
 *
 * Example: 3 bounds, 1 canary: 7.1 nats at step 0, 8.2 at step 1, 8.9 at step 2.
 */
export function thresholdOf(checks: readonly CheckSpec[], canaries: number, step: number): number {
  const tests = Math.max(checks.reduce((sum, check) => sum + testsOf(check), 0) * canaries, 1);
  return Math.log((tests * (step + 1) * (step + 2)) / WALK_ALPHA);
}
