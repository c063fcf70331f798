/** The port through which pods' reports are read. */
import type { PodReport } from '../../api/pod-report.ts';

export interface PodAddress {
  namespace: string;
  name: string;
  ip: string;
}

/** A report that can't be had is missing, never zero. `reason` says why, in words. */
export type ReportRead = { ok: true; report: PodReport } | { ok: false; reason: string };

export interface ReportSource {
  /** Never rejects. Comes back within a few seconds. @param custom metrics to report by name, of the process's own */
  read(pod: PodAddress, custom?: readonly string[]): Promise<ReportRead>;
}
