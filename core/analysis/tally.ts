/** Evidence of one version while it is gathered, from its own processes and from those that called it. */
import { type LatencySketch, sketchSince } from '../../api/latency-sketch.ts';
import type { CustomMetric, OutputCounts, PodReport } from '../../api/pod-report.ts';
import { type CallerCounts, customSince, type OwnCounts, outputsSince, rowSince } from './counted-since.ts';
import { addCounts, addOutputs } from './evidence.ts';
import type { VersionEvidence } from './model.ts';

const NONE: OwnCounts = { answered: 0, errors: 0 };

export class Tally {
  readonly #own = { answered: 0, errors: 0 };
  readonly #callers: CallerCounts = { failed: 0, unreached: 0, compared: 0, differing: 0, mirrorFailed: 0 };
  readonly #latency: LatencySketch = {};
  readonly #queue: LatencySketch = {};
  readonly #outputs: Record<string, OutputCounts> = {};
  readonly #custom: Record<string, CustomMetric> = {};

  /** @param before undefined: it is counted from its start */
  addOwn(report: PodReport, before: PodReport | undefined, gauges: boolean): void {
    const { answered, errors } = rowSince(ownOf(report), before && ownOf(before));
    this.#own.answered += answered;
    // A row that was read while it was written may not have its two counters of the same instant.
    this.#own.errors += errors;
    addCounts(this.#latency, before ? sketchSince(report.latency, before.latency) : report.latency);
    addCounts(this.#queue, before ? sketchSince(report.queue, before.queue) : report.queue);
    addOutputs(this.#outputs, outputsSince(report.outputs, before?.outputs));
    this.addCustom(customSince(report.custom, before && (before.custom ?? {})), gauges);
  }

  addCustom(metrics: Readonly<Record<string, CustomMetric>>, gauges: boolean): void {
    for (const [name, metric] of Object.entries(metrics)) {
      if (metric.type === 'gauge' && !gauges) continue;
      const known = this.#custom[name];
      if (!known) this.#custom[name] = { ...metric };
      else if (known.type === metric.type) {
        known.value += metric.value;
        known.count += metric.count;
      }
    }
  }

  addCallers(counts: CallerCounts): void {
    for (const key of Object.keys(counts) as (keyof CallerCounts)[]) this.#callers[key] += counts[key];
  }

  /**
   * A failed answer is counted by the version and by its caller, whose reports are not read in the same instant, and a
   * version that died reports nothing any more. So the larger count is taken, and what one of the two was ahead by at the
   * sample before is not counted once more when the other follows.
   * @param ahead errors that the version counted and its callers had not; negative the other way round
   */
  evidence(ahead: number): { evidence: VersionEvidence; ahead: { now: number; left: number } } {
    const { answered, errors } = this.#own;
    const { failed, unreached, compared, differing, mirrorFailed } = this.#callers;
    const followedByCallers = Math.min(Math.max(ahead, 0), failed);
    const followedByOwn = Math.min(Math.max(-ahead, 0), errors);
    const own = errors - followedByOwn;
    const callers = failed - followedByCallers;
    const failures = Math.max(own, callers) + unreached;
    return {
      evidence: {
        requests: Math.max(answered - followedByOwn + Math.max(callers - own, 0) + unreached, failures),
        failures,
        latency: this.#latency,
        queue: this.#queue,
        pairs: compared,
        differing: Math.min(differing, compared),
        mirrorFailures: mirrorFailed,
        outputs: this.#outputs,
        custom: this.#custom,
      },
      ahead: { now: own - callers, left: ahead - followedByCallers + followedByOwn },
    };
  }
}

function ownOf({ version, versions }: PodReport): OwnCounts {
  const { answered, errors } = versions[version] ?? NONE;
  return { answered, errors };
}
