/** Builders for tests of evidence: what a case does not name is ordinary. */
import type { PodReport } from '../../../api/pod-report.ts';
import type { ReportRead } from '../../../operator/evidence/reports.ts';

export function report(more: Partial<PodReport> = {}): PodReport {
  return {
    model: 'digits',
    version: 'v1',
    startedAt: '2026-01-01T00:00:00Z',
    ready: true,
    load: { state: 'Loaded', digest: 'a'.repeat(64), phases: {} },
    inFlight: 0,
    versions: {},
    latency: {},
    queue: {},
    ...more,
  };
}

export const read = (more: Partial<PodReport> = {}): ReportRead => ({ ok: true, report: report(more) });

/** Of a pod that follows this revision of the table. */
export const follows = (revision: number): ReportRead => read({ table: { revision, primary: 'v1', shares: {} } });

/** Of a pod that loaded this file. */
export const loaded = (digest: string): ReportRead => read({ load: { state: 'Loaded', digest, phases: {} } });

export const FAILED: ReportRead = { ok: false, reason: 'no route' };
