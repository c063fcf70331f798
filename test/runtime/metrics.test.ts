import { expect, test } from 'vitest';
import { sketchQuantile } from '../../api/latency-sketch.ts';
import { podReport } from '../../api/pod-report.ts';
import { ask, infer, run } from './harness.ts';
import { metricsOf } from './metrics-of.ts';
import { identity } from './onnx-builder.ts';

const MODEL = identity('FP32');
const GOOD = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] };

/** Metric lines as name{labels} → value. */
test('requests are counted by model, version and code, and timed', async () => {
  const running = await run({ model: MODEL });
  for (let i = 0; i < 3; i++) await infer(running, GOOD);
  await infer(running, '{');
  await ask(`${running.direct}/v2/models/m/infer`, GOOD);
  await ask(`${running.direct}/v2/models/m/versions/v2/infer`, GOOD);
  await ask(`${running.entry}/v2/models/m`);
  const metrics = await metricsOf(running);
  const requests = (code: number) => metrics.get(`modelship_requests_total{model="m",version="v1",code="${code}"}`);
  expect([requests(200), requests(400)]).toEqual([4, 1]);
  // fetch sends a misdirected request twice, as its standard says.
  expect(requests(421)).toBeGreaterThan(0);
  const own = 'model="m",version="v1"';
  expect(metrics.get(`modelship_request_duration_seconds_count{${own}}`)).toBe(5);
  expect(metrics.get(`modelship_compute_duration_seconds_count{${own}}`)).toBe(4);
  expect(metrics.get(`modelship_queue_duration_seconds_count{${own}}`)).toBe(4);
  expect(metrics.has(`modelship_compute_duration_seconds_bucket{le="0.00005",${own}}`)).toBe(true);
  expect(metrics.get('modelship_requests_in_flight')).toBe(0);
  expect(metrics.get('modelship_traffic_table_revision')).toBe(0);
  for (const phase of ['fetch', 'open', 'warmup']) {
    expect(metrics.get(`modelship_model_load_seconds{phase="${phase}"}`)).toBeGreaterThan(0);
  }
  expect([...metrics.keys()].some((name) => name.startsWith('nodejs_eventloop_lag'))).toBe(true);
  expect(metrics.has('process_resident_memory_bytes')).toBe(true);
});

test('what is refused before it reaches a version is counted too', async () => {
  const running = await run({ model: MODEL, serving: { limits: { bodyBytes: 100 } } });
  await infer(running, 'x'.repeat(200));
  await infer(running, GOOD, { headers: { 'content-type': 'image/png' } });
  await ask(`${running.entry}/nowhere`, GOOD);
  const metrics = await metricsOf(running);
  const requests = (code: number) => metrics.get(`modelship_requests_total{model="m",version="v1",code="${code}"}`);
  expect([requests(413), requests(415), requests(404)]).toEqual([1, 1, undefined]);
  // The version itself says what it cannot read.
  expect(running.server.report().versions.v1).toMatchObject({ answered: 1, refused: 1, errors: 0 });
});

test('the report says the same, by its schema', async () => {
  const running = await run({ model: MODEL });
  for (let i = 0; i < 20; i++) await infer(running, GOOD);
  await infer(running, '{');
  const report = podReport.parse((await ask(`${running.admin}/modelship/report`)).json);
  expect(report).toMatchObject({
    model: 'm',
    version: 'v1',
    ready: true,
    inFlight: 0,
    load: { state: 'Loaded', digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    signature: { inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }] },
  });
  expect(report.versions.v1).toMatchObject({ answered: 21, errors: 0, refused: 1, routed: 21 });
  expect(report.table).toBeUndefined();
  const median = sketchQuantile(report.latency, 0.5) as number;
  expect(median).toBeGreaterThan(1e-5);
  expect(median).toBeLessThan(0.5);
});

test('copies of a mirror are answered, but are no users', async () => {
  const running = await run({ model: MODEL });
  const copy = (door: string) => ask(`${door}/v2/models/m/infer`, GOOD, { headers: { 'modelship-mirror': '1' } });
  expect((await copy(running.direct)).status).toBe(200);
  expect(running.server.report().versions.v1?.answered).toBe(0);
  expect(running.server.report().latency).toEqual({});
  // Whoever sends the header through the public door is a user all the same.
  expect((await copy(running.entry)).status).toBe(200);
  expect(running.server.report().versions.v1?.answered).toBe(1);
});

test('what users send makes no labels', async () => {
  const running = await run({ model: MODEL });
  const series = async () => [...(await metricsOf(running)).keys()].filter((name) => name.startsWith('modelship_'));
  const before = await series();
  for (let i = 0; i < 50; i++) {
    await ask(`${running.entry}/v2/models/m${i}/infer`, GOOD);
    await ask(`${running.entry}/v2/models/m/versions/v${i + 2}/infer`, GOOD);
    await ask(`${running.entry}/v2/models/m/infer`, GOOD, { headers: { 'modelship-version': `x${i}` } });
  }
  const added = (await series()).filter((name) => !before.includes(name));
  expect(added).toEqual(['modelship_requests_total{model="m",version="v1",code="404"}']);
});

test('instances do not share a registry', async () => {
  const [a, b] = [await run({ model: MODEL }), await run({ model: MODEL })];
  await infer(a, GOOD);
  const answered = 'modelship_requests_total{model="m",version="v1",code="200"}';
  expect((await metricsOf(a)).get(answered)).toBe(1);
  // Told from the start, so that a rate sees the first.
  expect((await metricsOf(b)).get(answered)).toBe(0);
});
