/** Pods' reports, which hold totals since the start of a process → what was counted between two samples. */
import type { PodReport } from '../../api/pod-report.ts';
import type { EvidenceSample } from './model.ts';

export interface ProcessReport {
  /** Stays with a process for its life: the UID of a pod, the PID of a process. */
  process: string;
  report: PodReport;
}

export class Increments {
  /**
   * What was counted since the sample before. A process that is seen for the first time, or that was started anew
   * (`startedAt`), gives only a base to count from where the sample before could not have seen it.
   * @param at ms since 1970
   * @param missing processes whose report could not be had: what they count comes with their next one
   */
  sample(at: number, _reports: Iterable<ProcessReport>, missing: readonly string[] = []): EvidenceSample {
    return { at, versions: {}, missing };
  }

  /** A process has ended: the last report that was read of it still counts. */
  ended(_last: ProcessReport): void {}
}
