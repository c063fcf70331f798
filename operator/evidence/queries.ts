/** The port through which a Prometheus is asked. */
import type { PrometheusAnswer } from '../../api/prometheus.ts';

export interface PrometheusSource {
  /** Never rejects. Comes back within a few seconds. @param promql a query that gives one number */
  query(promql: string): Promise<PrometheusAnswer>;
}
