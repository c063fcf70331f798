/**
 * What a user may set, each as a recorded number that the alerts read: in the chart by a value, elsewhere by editing the
 * one expression. A setting that is not there makes the alerts that read it silent.
 */
import type { Group } from './rule.ts';

export const ERROR_BUDGET = 'modelship:slo_error_budget:ratio';
export const SLOWEST = 'modelship:slo_latency:seconds';
export const LONGEST_QUEUE = 'modelship:queue_time_limit:seconds';
export const LONGEST_STEP = 'modelship:rollout_step_limit:seconds';

/** The chart's template fills these in again, from its values of the same meaning. */
export const SETTINGS: Group = {
  name: 'modelship.settings',
  recordings: [
    { record: ERROR_BUDGET, expr: 'vector(1 - 99.9 / 100)' },
    { record: SLOWEST, expr: 'vector(Inf)' },
    { record: LONGEST_QUEUE, expr: 'vector(0.5)' },
    { record: LONGEST_STEP, expr: 'vector(3600)' },
  ],
  alerts: [],
};
