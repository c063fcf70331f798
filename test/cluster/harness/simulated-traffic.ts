/**
 * What pods would report under load, where none of them runs: counters that only grow, by the shares of the table that the
 * ConfigMap holds, and a version may be made worse than the others.
 */
import { type LatencySketch, SketchRecorder } from '../../../api/latency-sketch.ts';
import type { PodReport, TensorMetadata, VersionCounters } from '../../../api/pod-report.ts';
import type { PodAddress } from '../../../operator/evidence/reports.ts';

export interface Behaviour {
  /** Of its answers, 0 to 1. */
  errors?: number;
  seconds?: number;
  /** Of its mirrored answers, 0 to 1. */
  differing?: number;
  signature?: PodReport['signature'];
}

const tensor = (name: string, datatype: string, shape: number[]): TensorMetadata => ({ name, datatype, shape });
export const DIGITS_SIGNATURE = {
  inputs: [tensor('image', 'FP32', [-1, 64])],
  outputs: [tensor('label', 'INT64', [-1])],
};

interface Counted {
  at: number;
  startedAt: string;
  /** By the version, requests as they would be with fractions. */
  own: number;
  pairs: Map<string, number>;
}

export class SimulatedTraffic {
  /** Requests a second in all, and copies of them to each version that has a share but is not primary. */
  rate = 600;
  readonly behaviours: Record<string, Behaviour> = {};
  readonly #counted = new Map<string, Counted>();

  /** As `ScriptedReports.change`. */
  readonly change = (report: PodReport, { namespace, name }: PodAddress): PodReport => {
    const key = `${namespace}/${name}`;
    const now = Date.now();
    const born = { at: now, startedAt: new Date(now).toISOString(), own: 0, pairs: new Map<string, number>() };
    const counted = this.#counted.get(key) ?? born;
    this.#counted.set(key, counted);
    const requests = (this.rate * (now - counted.at)) / 1_000;
    const shares = report.table?.shares ?? { [report.version]: 10_000 };
    counted.at = now;
    counted.own += (requests * (shares[report.version] ?? 0)) / 10_000;
    const primary = report.table?.primary === report.version;
    for (const version of primary ? Object.keys(shares) : []) {
      if (version !== report.version) counted.pairs.set(version, (counted.pairs.get(version) ?? 0) + requests / 2);
    }
    return { ...report, startedAt: counted.startedAt, ...this.#told(report.version, counted) };
  };

  #told(version: string, { own, pairs }: Counted): Partial<PodReport> {
    const mine = this.behaviours[version] ?? {};
    const answered = Math.floor(own);
    const versions: Record<string, VersionCounters> = {
      [version]: row({ answered, errors: Math.floor(answered * (mine.errors ?? 0)) }),
    };
    for (const [other, count] of pairs) {
      const compared = Math.floor(count);
      const differing = Math.floor(compared * (this.behaviours[other]?.differing ?? 0.001));
      versions[other] = row({ mirrored: compared, compared, differing });
    }
    return {
      versions,
      signature: mine.signature ?? DIGITS_SIGNATURE,
      latency: latency(answered, mine.seconds ?? 0.002),
    };
  }
}

function row(more: Partial<VersionCounters>): VersionCounters {
  const none = { answered: 0, errors: 0, refused: 0, routed: 0, forwarded: 0, failed: 0, mirrored: 0 };
  const mirrors = { compared: 0, differing: 0, mirrorFailed: 0, mirrorDropped: 0 };
  return { ...none, ...mirrors, shielded: { unreachable: 0, timeout: 0, error: 0, open: 0 }, ...more };
}

/** Some are slower than others: of equal times a quantile tells nothing. */
const SPREAD: readonly (readonly [times: number, part: number])[] = [
  [0.5, 0.6],
  [0.8, 0.3],
  [1.2, 0.09],
  [2, 0.01],
];

function latency(count: number, seconds: number): LatencySketch {
  const sketch: LatencySketch = {};
  for (const [times, part] of SPREAD) {
    const one = new SketchRecorder();
    one.observe(seconds * times);
    for (const bucket of Object.keys(one.snapshot())) sketch[bucket] = Math.floor(count * part);
  }
  return sketch;
}
