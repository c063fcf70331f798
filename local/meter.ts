/** Rates, shares and latencies of the last seconds, from counters that only grow. Pure but for its own samples. */
import { type LatencySketch, mergeSketches, sketchQuantile, sketchSince } from '../api/latency-sketch.ts';
import type { PodReport } from '../api/pod-report.ts';
import type { Traffic } from './snapshot.ts';

/** What is known of one version over all processes and all time of the run. */
interface Totals {
  answered: number;
  /** Answers of 5xx that its own processes gave. */
  errors: number;
  /** Calls to it that failed, as those who called saw it; 5xx among them. */
  failed: number;
  shielded: number;
  latency: LatencySketch;
}

interface Sample {
  at: number;
  versions: Map<string, Totals>;
}

export interface Measured extends Traffic {
  /** Percent of all answers. */
  observed?: number;
  shielded: number;
}

const WINDOW_MS = 10_000;

export class Meter {
  /** What processes that have ended had counted. */
  #ended = new Map<string, Totals>();
  #samples: Sample[] = [];
  #freshFrom = 0;

  /** Keeps what a process that has ended had counted. Counts since its last report are lost. */
  bury(report: PodReport | undefined): void {
    if (report) add(this.#ended, report);
  }

  /** @param reports of the processes that live */
  sample(at: number, reports: Iterable<PodReport>): void {
    const versions = new Map([...this.#ended].map(([name, totals]) => [name, { ...totals }]));
    for (const report of reports) add(versions, report);
    this.#samples.push({ at, versions });
    this.#samples = this.#samples.slice(-this.#kept(at));
  }

  /** Another split is in force from now on: what was measured before says nothing of it, once there is something new. */
  restart(now: number): void {
    this.#freshFrom = now;
  }

  /** How many samples the window holds; at least two, or there is nothing to compare. */
  #kept(at: number): number {
    const since = Math.max(at - WINDOW_MS, this.#freshFrom);
    return Math.max(2, this.#samples.filter((sample) => sample.at >= since).length);
  }

  measure(name: string): Measured {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const [before, after] = [first?.versions.get(name), last?.versions.get(name)];
    const seconds = first && last ? (last.at - first.at) / 1_000 : 0;
    const grown = (of: (totals: Totals) => number) => Math.max(0, (after ? of(after) : 0) - (before ? of(before) : 0));
    const answered = grown((t) => t.answered);
    const all = [...(last?.versions.keys() ?? [])].reduce((sum, other) => sum + this.#answered(other), 0);
    const sketch = sketchSince(after?.latency ?? {}, before?.latency ?? {});
    return {
      ...rates(seconds, answered, grown(failuresOf), sketch),
      requests: after?.answered ?? 0,
      errors: after ? failuresOf(after) : 0,
      shielded: after?.shielded ?? 0,
      ...(all > 0 && { observed: Math.round((answered / all) * 10_000) / 100 }),
    };
  }

  total(): Traffic {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const names = [...(last?.versions.keys() ?? [])];
    const each = names.map((name) => this.measure(name));
    const sum = (of: (m: Measured) => number) => each.reduce((total, m) => total + of(m), 0);
    const merged = (sample: Sample | undefined) =>
      mergeSketches([...(sample?.versions.values() ?? [])].map((totals) => totals.latency));
    return {
      ...rates(
        1,
        sum((m) => m.requestsPerSecond),
        sum((m) => m.errorsPerSecond),
        sketchSince(merged(last), merged(first)),
      ),
      requests: sum((m) => m.requests),
      errors: sum((m) => m.errors),
    };
  }

  #answered(name: string): number {
    const of = (sample: Sample | undefined) => sample?.versions.get(name)?.answered ?? 0;
    return Math.max(0, of(this.#samples.at(-1)) - of(this.#samples[0]));
  }
}

function rates(seconds: number, answered: number, errors: number, sketch: LatencySketch) {
  const [p50, p99] = [sketchQuantile(sketch, 0.5), sketchQuantile(sketch, 0.99)];
  return {
    requestsPerSecond: seconds > 0 ? answered / seconds : 0,
    errorsPerSecond: seconds > 0 ? errors / seconds : 0,
    ...(p50 !== undefined && { p50 }),
    ...(p99 !== undefined && { p99 }),
  };
}

/**
 * A 5xx of a forwarded request is counted by the version and by its caller; a dead version counts nothing. The larger of
 * the two misses only what failed at its own entry while it also failed others.
 */
function failuresOf({ errors, failed }: Totals): number {
  return Math.max(errors, failed);
}

function add(to: Map<string, Totals>, report: PodReport): void {
  for (const [name, counted] of Object.entries(report.versions)) {
    const totals = to.get(name) ?? { answered: 0, errors: 0, failed: 0, shielded: 0, latency: {} };
    const shielded = Object.values(counted.shielded).reduce((sum, n) => sum + n, 0);
    to.set(name, {
      answered: totals.answered + counted.answered,
      errors: totals.errors + counted.errors,
      failed: totals.failed + counted.failed,
      shielded: totals.shielded + shielded,
      latency: name === report.version ? mergeSketches([totals.latency, report.latency]) : totals.latency,
    });
  }
}
