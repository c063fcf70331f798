/** Metrics of several processes → those of their replica. */
import { type Aggregator, AggregatorRegistry } from 'prom-client';

/** A metric as prom-client's JSON has it. */
export interface Metric {
  name: string;
  type: string;
  aggregator: Aggregator;
  values: object[];
}

/**
 * Gauges that are not to be added up, which counters, histograms and all other gauges are.
 * A gauge that says the same in each process, or means something only by itself, has its row here.
 */
export const AGGREGATORS: Readonly<Record<string, Aggregator>> = {
  modelship_info: 'first',
  modelship_traffic_weight: 'first',
  modelship_traffic_table_revision: 'min',
  modelship_model_load_seconds: 'max',
  modelship_execution_info: 'first',
  modelship_model_weights_shared: 'min',
  modelship_gpu_utilization_ratio: 'max',
  modelship_gpu_memory_used_bytes: 'max',
  modelship_gpu_memory_total_bytes: 'max',
  // The head's, which is the container's.
  process_start_time_seconds: 'min',
};

/** @returns the exposition text */
export async function mergeMetrics(
  sets: readonly (readonly Metric[])[],
): Promise<{ contentType: string; text: string }> {
  const registry = aggregate(sets);
  return { contentType: registry.contentType, text: await registry.metrics() };
}

/** What remains of processes that are gone: what only grows. */
export function remainsOf(sets: readonly (readonly Metric[])[]): Metric[] {
  const growing = sets.map((set) => set.filter(({ type }) => type === 'counter' || type === 'histogram'));
  return aggregate(growing).getMetricsAsArray() as unknown as Metric[];
}

export function aggregate(sets: readonly (readonly Metric[])[]) {
  const told = sets.map((set) =>
    set.map((metric) => ({ ...metric, aggregator: AGGREGATORS[metric.name] ?? metric.aggregator })),
  );
  return AggregatorRegistry.aggregate(told);
}
