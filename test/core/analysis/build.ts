/** Reports, evidence and windows for tests: what a case is about is said, the rest is ordinary. */
import { type LatencySketch, SketchRecorder } from '../../../api/latency-sketch.ts';
import type { PodReport, VersionCounters } from '../../../api/pod-report.ts';
import { Analyst, type EffectiveAnalysis } from '../../../core/analysis/analyst.ts';
import { NOTHING } from '../../../core/analysis/evidence.ts';
import type { ProcessReport } from '../../../core/analysis/increments.ts';
import type { EvidenceSample, VersionEvidence } from '../../../core/analysis/model.ts';
import type { OpenWindow } from '../../../core/rollout/model.ts';

/** Seconds since the epoch of these tests → RFC 3339. */
export const at = (seconds: number) => new Date(seconds * 1_000).toISOString();

export function counters(some: Partial<VersionCounters> = {}): VersionCounters {
  const { shielded, ...rest } = some;
  return {
    answered: 0,
    errors: 0,
    refused: 0,
    routed: 0,
    forwarded: 0,
    failed: 0,
    mirrored: 0,
    compared: 0,
    differing: 0,
    mirrorFailed: 0,
    mirrorDropped: 0,
    ...rest,
    shielded: { unreachable: 0, timeout: 0, error: 0, open: 0, ...shielded },
  };
}

export interface Said extends Partial<Omit<PodReport, 'versions' | 'version' | 'startedAt'>> {
  process?: string;
  version: string;
  /** Seconds. */
  started?: number;
  versions?: Record<string, Omit<Partial<VersionCounters>, 'shielded'> & { shielded?: Record<string, number> }>;
}

export function said({ process = 'a', version, started = 0, versions = {}, ...rest }: Said): ProcessReport {
  return {
    process,
    report: {
      model: 'digits',
      version,
      startedAt: at(started),
      ready: true,
      load: { state: 'Loaded', phases: {} },
      inFlight: 0,
      latency: {},
      queue: {},
      ...rest,
      versions: Object.fromEntries(
        Object.entries({ [version]: {}, ...versions }).map(([name, row]) => [
          name,
          counters(row as Partial<VersionCounters>),
        ]),
      ),
    },
  };
}

/** `count` observations of each length, in seconds. */
export function sketch(lengths: Record<number, number>): LatencySketch {
  const recorder = new SketchRecorder();
  for (const [length, count] of Object.entries(lengths)) {
    for (let i = 0; i < count; i++) recorder.observe(Number(length));
  }
  return recorder.snapshot();
}

export function evidence(some: Partial<VersionEvidence>): VersionEvidence {
  return { ...NOTHING, ...some };
}

export const WINDOW: OpenWindow = { id: 'walk', step: 0, window: 0, since: 0, stable: 'v1', canaries: ['v2'] };

export function analysis(
  checks: EffectiveAnalysis['checks'],
  some: Partial<EffectiveAnalysis> = {},
): EffectiveAnalysis {
  return {
    intervalMs: 15_000,
    minSamples: 200,
    deadlineMs: 600_000,
    mirror: 0,
    compare: { absolute: 0, relative: 0, keep: 0 },
    checks,
    ...some,
  };
}

/** Looks after each sample; samples come 15 s apart, from the end of the warm-up on. */
export function judged(
  checks: EffectiveAnalysis['checks'],
  samples: readonly Omit<EvidenceSample, 'at'>[],
  window: Partial<OpenWindow> = {},
) {
  const analyst = new Analyst();
  analyst.open({ ...WINDOW, ...window }, analysis(checks));
  analyst.add({ at: 5_000, versions: {} });
  return samples.map((sample, i) => {
    const now = 5_000 + (i + 1) * 15_000;
    analyst.add({ ...sample, at: now });
    return analyst.look(now)?.checks ?? [];
  });
}
