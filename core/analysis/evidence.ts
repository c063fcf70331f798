/** Arithmetic of evidence. */
import type { LatencySketch } from '../../api/latency-sketch.ts';
import type { OutputCounts } from '../../api/pod-report.ts';
import type { VersionEvidence } from './model.ts';

/** Of a version that nobody asked and that nobody is. */
export const NOTHING: VersionEvidence = {
  requests: 0,
  failures: 0,
  latency: {},
  queue: {},
  pairs: 0,
  differing: 0,
  mirrorFailures: 0,
  outputs: {},
  custom: {},
};

/** Adds counts to others in place. */
export function addCounts(into: Record<string, number>, from: LatencySketch): void {
  for (const key in from) into[key] = (into[key] ?? 0) + (from[key] as number);
}

/** Adds the distributions of outputs in place. An output that changed its kind keeps what it was first. */
export function addOutputs(into: Record<string, OutputCounts>, from: Readonly<Record<string, OutputCounts>>): void {
  for (const [output, { kind, counts }] of Object.entries(from)) {
    const known = into[output];
    if (!known) into[output] = { kind, counts: { ...counts } };
    else if (known.kind === kind) addCounts(known.counts, counts);
  }
}
