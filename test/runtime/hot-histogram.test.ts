import { Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { HotHistogram } from '../../runtime/plugins/hot-histogram.ts';
import { randomOf } from './random.ts';

test("reads as prom-client's own of the same observations, as text and as JSON", async () => {
  const about = { name: 'h', help: 'Help.', buckets: [0.001, 0.01, 0.1, 1] };
  const labels = { model: 'm', version: 'v1' };
  const [ours, theirs] = [new Registry(), new Registry()];
  const hot = new HotHistogram({ ...about, labels }).registerIn(ours);
  const known = new Histogram({ ...about, labelNames: ['model', 'version'], registers: [theirs] }).labels(labels);
  const random = randomOf(7);
  for (const value of [0, 0.001, 1, 1.5, ...Array.from({ length: 500 }, () => random.next() * 2)]) {
    hot.observe(value);
    known.observe(value);
  }
  expect(await ours.metrics()).toBe(await theirs.metrics());
  const merge = (registry: Registry) => registry.getMetricsAsJSON().then((json) => [json, json]);
  const { AggregatorRegistry } = await import('prom-client');
  const [a, b] = await Promise.all([ours, theirs].map(merge));
  const text = (parts: object[] | undefined) => AggregatorRegistry.aggregate(parts as object[]).metrics();
  expect(await text(a)).toBe(await text(b));
});
