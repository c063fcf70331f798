import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { podReport } from '../../api/pod-report.ts';
import { customOf, type MetricJson, namesOf } from '../../runtime/plugins/custom-metrics.ts';
import { ask, infer, run } from './harness.ts';
import { identity } from './onnx-builder.ts';

test('gauges and counters summed over their labels, histograms and summaries by sum and count', async () => {
  const registers = [new Registry()];
  const help = 'for the test';
  const labelNames = ['of'];
  const gauge = new Gauge({ name: 'g', help, labelNames, registers });
  gauge.set({ of: 'a' }, 1);
  gauge.set({ of: 'b' }, 2.5);
  new Counter({ name: 'c', help, registers }).inc(7);
  const histogram = new Histogram({ name: 'h', help, buckets: [1, 2], registers });
  for (const value of [0.5, 1.5, 9]) histogram.observe(value);
  new Summary({ name: 's', help, registers }).observe(3);
  new Gauge({ name: 'broken', help, registers }).set(Number.NaN);
  const metrics = (await registers[0]?.getMetricsAsJSON()) as unknown as MetricJson[];
  expect(customOf(metrics, ['g', 'c', 'h', 's', 'broken', 'nowhere'])).toEqual({
    g: { type: 'gauge', value: 3.5, count: 2 },
    c: { type: 'counter', value: 7, count: 1 },
    h: { type: 'histogram', value: 11, count: 3 },
    s: { type: 'histogram', value: 3, count: 1 },
  });
  expect(customOf(metrics, ['c'])).toEqual({ c: { type: 'counter', value: 7, count: 1 } });
});

describe('names', () => {
  test.each([
    [undefined, []],
    ['', []],
    ['a', ['a']],
    ['a,b_2,c:d', ['a', 'b_2', 'c:d']],
  ])('%j', (given, names) => expect(namesOf(given)).toEqual(names));

  test.each([
    ['a b', /'a b', which is no name/],
    ['a,,b', /'', which is no name/],
    ['2a', /'2a'/],
    [Array(33).fill('a').join(','), /names 33 metrics; 32 at most/],
    ['x'.repeat(300), /no name of a metric/],
  ])('%j is refused', (given, message) => expect(() => namesOf(given)).toThrow(message));
});

test('the report has those that were asked for', async () => {
  const running = await run({ model: identity('FP32') });
  await infer(running, { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] });
  const report = async (query: string) => ask(`${running.admin}/modelship/report${query}`);
  const known = ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'modelship_compute_duration_seconds'];
  const names = [...known, 'nowhere', 'toString'];
  const { custom } = podReport.parse((await report(`?custom=${names}`)).json);
  expect(Object.keys(custom ?? {})).toEqual(known);
  expect(custom?.process_cpu_seconds_total?.value).toBeGreaterThan(0);
  expect(custom?.modelship_compute_duration_seconds).toMatchObject({ type: 'histogram', count: 1 });
  expect(custom?.process_resident_memory_bytes?.value).toBeGreaterThan(1e6);
  expect((await report('')).json).not.toHaveProperty('custom');
  expect((await report('?custom=a%20b')).json).toMatchObject({ code: 'INVALID_REQUEST' });
});
