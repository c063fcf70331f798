/** What an analysis speaks of: evidence that was counted, and what is concluded from it. No clock, no reports' transport. */
import type { LatencySketch } from '../../api/latency-sketch.ts';
import type { CustomMetric, OutputCounts } from '../../api/pod-report.ts';
import type { CheckStatus } from '../../api/status.ts';

/** What was counted of one version over some time: increments, never totals since a start. */
export interface VersionEvidence {
  /** Requests of users that were meant for it: answered by it, or answered by another because it could not. */
  requests: number;
  /** Of these, those that it failed: its own 5xx, unreachable, timed out, or not even tried because its circuit was open. */
  failures: number;
  /** Of what it answered, seconds. */
  latency: LatencySketch;
  /** Time in its queue, seconds. */
  queue: LatencySketch;
  /** Mirrored requests both answers of which were compared. */
  pairs: number;
  /** Of these, those that differ. */
  differing: number;
  /** Mirrored requests that it failed. */
  mirrorFailures: number;
  /** How its predictions are distributed, by output. */
  outputs: Readonly<Record<string, OutputCounts>>;
  /** By name. Gauges as they are now: `value` summed over `count` series; the others as increments. */
  custom: Readonly<Record<string, CustomMetric>>;
}

/** Everything that was counted between the sample before and this one. One line of a file of samples is one of these. */
export interface EvidenceSample {
  /** ms since 1970; in a file, ms since its beginning. */
  at: number;
  /** When the first of it was counted, where that was before the sample before: a process that was missing is back. */
  since?: number;
  /** By version. */
  versions: Readonly<Record<string, VersionEvidence>>;
  /** What a Prometheus answered, by query. A query without an answer is left out: it is missing, never zero. */
  prometheus?: Readonly<Record<string, number>>;
  /** Processes whose report could not be had. What they counted comes with a later sample, or never. */
  missing?: readonly string[];
}

/** One window of analysis: all samples since a step came into force. A new key is a new window. */
export interface WindowKey {
  /** Of the walk. */
  id: string;
  step: number;
  /** Grows when the window is begun anew at the same step. */
  window: number;
}

export interface CheckVerdict extends CheckStatus {
  /** The version that it speaks of. */
  version: string;
}

/** What the samples of a window say. */
export interface Verdicts {
  key: WindowKey;
  /** When the window began, ms since 1970. */
  since: number;
  /** Looks at the checks, `interval` apart; 0: no verdict yet. */
  looks: number;
  /** In the order of the spec; with several canaries, one for each of them. */
  checks: readonly CheckVerdict[];
  /** When to look again, ms since 1970. */
  nextAt: number;
}

/** Pass when all pass, Fail when any fails. */
export function overall(checks: readonly Pick<CheckVerdict, 'verdict'>[]): CheckStatus['verdict'] {
  if (checks.some(({ verdict }) => verdict === 'Fail')) return 'Fail';
  return checks.every(({ verdict }) => verdict === 'Pass') ? 'Pass' : 'Inconclusive';
}
