import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { AGGREGATORS, type Metric, mergeMetrics, remainsOf } from '../../../runtime/fleet/merge-metrics.ts';
import { run } from '../harness.ts';

async function metricsOf(answered: number, seconds: number[]): Promise<Metric[]> {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({ name: 'requests_total', help: 'r', labelNames: ['code'], registers });
  requests.inc({ code: '200' }, answered);
  const duration = new Histogram({ name: 'seconds', help: 's', buckets: [0.1, 1], registers });
  for (const each of seconds) duration.observe(each);
  new Gauge({ name: 'in_flight', help: 'i', registers }).set(answered);
  new Gauge({ name: 'modelship_traffic_table_revision', help: 't', registers }).set(answered);
  return (await registry.getMetricsAsJSON()) as unknown as Metric[];
}

const lines = async (sets: Metric[][]) => (await mergeMetrics(sets)).text.split('\n').filter((l) => /^\w/.test(l));

describe('metrics of several processes', () => {
  test('counters, histograms and gauges are added up; a revision is the lowest', async () => {
    expect(await lines([await metricsOf(3, [0.05]), await metricsOf(4, [0.5, 5])])).toEqual([
      'requests_total{code="200"} 7',
      'seconds_bucket{le="0.1"} 1',
      'seconds_bucket{le="1"} 2',
      'seconds_bucket{le="+Inf"} 3',
      'seconds_sum 5.55',
      'seconds_count 3',
      'in_flight 7',
      'modelship_traffic_table_revision 3',
    ]);
  });

  test('a replica started when the first of its processes did', async () => {
    const started = async (at: number): Promise<Metric[]> => {
      const registry = new Registry();
      const registers = [registry];
      new Gauge({ name: 'process_start_time_seconds', help: 's', registers, aggregator: 'omit' }).set(at);
      return (await registry.getMetricsAsJSON()) as unknown as Metric[];
    };
    expect(await lines([await started(100), await started(160)])).toEqual(['process_start_time_seconds 100']);
  });

  test('of those that are gone, what only grows stays, again and again', async () => {
    const once = remainsOf([await metricsOf(3, [0.05])]);
    const twice = remainsOf([once, await metricsOf(4, [0.5])]);
    expect(twice.map(({ name }) => name)).toEqual(['requests_total', 'seconds']);
    const all = await lines([twice, await metricsOf(1, [])]);
    expect(all).toContain('requests_total{code="200"} 8');
    expect(all).toContain('seconds_count 2');
    expect(all).toContain('in_flight 1');
  });
});

/** Gauges of the runtime that mean the sum, over processes, of what each says. */
const SUMS = [
  'modelship_requests_in_flight',
  'modelship_execution_workers',
  'modelship_queue_requests',
  'modelship_queue_bytes',
  'modelship_cache_entries',
  'modelship_cache_bytes',
];

test('for every gauge of the runtime somebody has thought about how it adds up', async () => {
  const { server } = await run();
  const metrics = (await server.metrics()) as Metric[];
  const gauges = metrics.filter(({ name, type }) => type === 'gauge' && name.startsWith('modelship_'));
  expect(gauges.length).toBeGreaterThan(4);
  expect(gauges.map(({ name }) => name).filter((name) => !(name in AGGREGATORS) && !SUMS.includes(name))).toEqual([]);
});
