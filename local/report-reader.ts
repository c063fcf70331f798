/** Asks a runtime process for its report, on loopback. */
import { type PodReport, podReport, REPORT_PATH } from '../api/pod-report.ts';

/**
 * @param custom names of metrics that are wanted beside what each report has
 * @returns the report, or undefined when there is none to be had now
 */
export type ReadReport = (adminPort: number, custom?: readonly string[]) => Promise<PodReport | undefined>;

const LIMIT_MS = 2_000;

export const readReport: ReadReport = async (adminPort, custom = []) => {
  try {
    const signal = AbortSignal.timeout(LIMIT_MS);
    const wanted = custom.length > 0 ? `?custom=${custom.map(encodeURIComponent).join(',')}` : '';
    const answer = await fetch(`http://127.0.0.1:${adminPort}${REPORT_PATH}${wanted}`, { signal });
    const parsed = podReport.safeParse(await answer.json());
    return parsed.success ? parsed.data : undefined;
  } catch {
    // Starting, ending or stuck: what the process itself tells over IPC, or its exit, says which.
    return undefined;
  }
};
