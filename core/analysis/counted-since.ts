/** What two reports of one process say was counted between them. */
import { sketchSince } from '../../api/latency-sketch.ts';
import type { CustomMetric, OutputCounts, PodReport, VersionCounters } from '../../api/pod-report.ts';

/** What callers count of a version that they asked. */
export interface CallerCounts {
  /** Requests that it did not answer in time, or with a 5xx: those that reached it are among its own errors too. */
  failed: number;
  /** Requests that never reached it: no connection, or not even tried. */
  unreached: number;
  compared: number;
  differing: number;
  mirrorFailed: number;
}

/** What a process counts of itself. */
export interface OwnCounts {
  answered: number;
  errors: number;
}

type Numbers<T> = { [K in keyof T]: number };

export function callerCounts({ shielded, compared, differing, mirrorFailed }: VersionCounters): CallerCounts {
  return {
    failed: (shielded.error ?? 0) + (shielded.timeout ?? 0),
    unreached: (shielded.unreachable ?? 0) + (shielded.open ?? 0),
    compared,
    differing,
    mirrorFailed,
  };
}

/** A row of counters one of which went back was begun anew: it counts from zero. */
export function rowSince<T extends Numbers<T>>(after: T, before: T | undefined): T {
  const keys = Object.keys(after) as (keyof T)[];
  if (!before || keys.some((key) => after[key] < before[key])) return after;
  return Object.fromEntries(keys.map((key) => [key, after[key] - before[key]])) as T;
}

export function outputsSince(
  after: PodReport['outputs'],
  before: PodReport['outputs'],
): Readonly<Record<string, OutputCounts>> {
  return Object.fromEntries(
    Object.entries(after ?? {}).map(([output, { kind, counts }]) => {
      const base = before?.[output];
      return [output, { kind, counts: base?.kind === kind ? sketchSince(counts, base.counts) : counts }];
    }),
  );
}

/**
 * Gauges as they are. A counter or histogram that the report before did not have is only a base: it may have been asked
 * for just now.
 * @param before undefined where the process is counted from its start
 */
export function customSince(
  after: PodReport['custom'],
  before: NonNullable<PodReport['custom']> | undefined,
): Record<string, CustomMetric> {
  const since: Record<string, CustomMetric> = {};
  for (const [name, metric] of Object.entries(after ?? {})) {
    const base = before?.[name];
    if (metric.type === 'gauge' || !before) since[name] = metric;
    else if (base?.type === metric.type) since[name] = { type: metric.type, ...metricSince(metric, base) };
  }
  return since;
}

/** A sum may go down where observations are negative; its count never does. */
function metricSince(after: CustomMetric, before: CustomMetric): { value: number; count: number } {
  const restarted = after.type === 'counter' ? after.value < before.value : after.count < before.count;
  if (restarted) return { value: after.value, count: after.count };
  return { value: after.value - before.value, count: after.type === 'counter' ? 0 : after.count - before.count };
}
