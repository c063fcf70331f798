/** Copies of users' requests at another version: which, by what protocol, how they are compared, and what they never do. */
import { describe, expect, test } from 'vitest';
import { type Diffs, diffs } from '../../api/diffs.ts';
import { podReport } from '../../api/pod-report.ts';
import { clientOf, INFERENCE } from '../runtime/grpc/support.ts';
import { ask } from '../runtime/harness.ts';
import { metricsOf } from '../runtime/metrics-of.ts';
import { identity } from '../runtime/onnx-builder.ts';
import { classifier, infer, mirroredTable, pair, settled, X } from './mirror-support.ts';
import { MODEL, until, upstream, writeTable } from './support.ts';

const NO_COPY = { mirrored: 0, compared: 0, differing: 0, mirrorFailed: 0, mirrorDropped: 0 };

describe('comparing', () => {
  const VERSIONS: [string, Parameters<typeof classifier>[0], object, object][] = [
    ['the same model', {}, {}, { compared: 1, differing: 0 }],
    ['other labels', { label: 1 }, {}, { compared: 1, differing: 1 }],
    ['other scores beside the same labels', { score: 1 }, {}, { compared: 1, differing: 0 }],
    ['other scores, which the table names', { score: 1 }, { outputs: ['score'] }, { compared: 1, differing: 1 }],
    ['scores a little off', { score: 1e-5 }, { outputs: ['score'] }, { compared: 1, differing: 0 }],
    [
      'scores a little off, and no tolerance',
      { score: 1e-5 },
      { outputs: ['score'], absolute: 0, relative: 0 },
      { compared: 1, differing: 1 },
    ],
    ['all scores moved, by their order', { score: 1 }, { outputs: ['score'], topK: 1 }, { compared: 1, differing: 0 }],
  ];
  test.each(VERSIONS)('%s', async (_name, model, observe, expected) => {
    const both = await pair({ models: { v2: classifier(model) }, observe });
    expect((await infer(both.v1.entry)).headers.get('modelship-version')).toBe('v1');
    await settled(both, 1);
    expect(both.seen()).toMatchObject({ ...NO_COPY, mirrored: 1, ...expected });
  });

  test('a request for scores alone, where labels count, is copied and not compared', async () => {
    const both = await pair();
    await infer(both.v1.entry, { ...X(1), outputs: [{ name: 'score' }] });
    await settled(both, 1);
    expect(both.seen()).toMatchObject({ ...NO_COPY, mirrored: 1 });
    expect((await metricsOf(both.v1)).get('modelship_mirrored_requests_total{version="v2",result="uncompared"}')).toBe(
      1,
    );
  });

  test('texts and an empty batch go there and back', async () => {
    const models = { v1: identity('BYTES'), v2: identity('BYTES') };
    const both = await pair({ models });
    for (const data of [['grüezi', ''], []]) {
      const input = { name: 'x', datatype: 'BYTES', shape: [data.length], data };
      expect((await infer(both.v1.entry, { inputs: [input] })).status).toBe(200);
    }
    await settled(both, 2);
    expect(both.seen()).toMatchObject({ ...NO_COPY, mirrored: 2, compared: 2 });
  });

  test('a batch that was merged is compared request by request', async () => {
    const serving = { batching: { maxBatchSize: 32, maxDelayMs: 20 } };
    const both = await pair({
      models: { v2: classifier({ label: 1 }) },
      serving,
      v2Serving: {},
      observe: { keep: 20 },
    });
    await Promise.all(Array.from({ length: 20 }, (_, i) => infer(both.v1.entry, X(i))));
    await settled(both, 20);
    expect(both.seen()).toMatchObject({ mirrored: 20, compared: 20, differing: 20 });
    const { diffs: kept } = both.v1.server.diffs();
    const pairs = kept.map(({ inputs, stable, canary }) => [inputs, stable, canary].map((list) => list[0]?.data[0]));
    expect(pairs.sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual(
      Array.from({ length: 20 }, (_, i) => [i, i, i + 1]),
    );
  });
});

describe('which requests', () => {
  test('every protocol, to a version that speaks another one alone', async () => {
    const both = await pair({ v2Serving: { protocols: ['sagemaker'] } });
    const { call } = clientOf(both.v1.entryGrpc, INFERENCE);
    const contents = { fp32_contents: [1, 2] };
    await call('ModelInfer', { model_name: MODEL, inputs: [{ name: 'x', datatype: 'FP32', shape: [2], contents }] });
    await ask(`${both.v1.entry}/v1/models/${MODEL}:predict`, { instances: [1, 2] });
    await infer(both.v1.entry);
    await infer(both.v1.entry, X(1), { query: '?by=framework' });
    await settled(both, 4);
    expect(both.seen()).toMatchObject({ ...NO_COPY, mirrored: 4, compared: 4 });
    // For users there is no such route.
    expect((await infer(both.v2.direct)).json.code).toBe('ROUTE_NOT_FOUND');
  });

  test("a Gateway's, which come to direct doors", async () => {
    const both = await pair();
    await infer(both.v1.direct);
    const { call } = clientOf(both.v1.directGrpc, INFERENCE);
    const contents = { fp32_contents: [1, 2] };
    await call('ModelInfer', { model_name: MODEL, inputs: [{ name: 'x', datatype: 'FP32', shape: [2], contents }] });
    await settled(both, 2);
    expect(both.seen()).toMatchObject({ ...NO_COPY, mirrored: 2, compared: 2 });
  });

  const OTHERS: [string, (base: { entry: string; direct: string }) => Promise<unknown>][] = [
    ['one that names its version', ({ entry }) => infer(entry, X(1), { headers: { 'modelship-version': 'v1' } })],
    ['one that names it in its path', ({ entry }) => infer(entry, X(1), { path: '/versions/v1' })],
    ['one that is refused', ({ entry }) => infer(entry, { inputs: [] })],
    ['one that was forwarded', ({ direct }) => infer(direct, X(1), { headers: { 'modelship-forwarded': 'v2' } })],
    ['a copy', ({ direct }) => infer(direct, X(1), { headers: { 'modelship-mirror': 'v0' } })],
  ];
  test.each(OTHERS)('not %s', async (_name, send) => {
    const both = await pair();
    await send(both.v1);
    // The next one is copied, so the one before would have been seen.
    await infer(both.v1.entry);
    await settled(both, 1);
    expect(both.seen()).toMatchObject({ ...NO_COPY, mirrored: 1, compared: 1 });
    expect(both.v2.server.report().inFlight).toBe(0);
  });

  test('not what the shield answered: a request that ends one pod would end the next', async () => {
    const both = await pair({ shares: { v1: 0, v2: 10_000 }, primary: 'v1', at: {} });
    const copied: number[] = [];
    const broken = await upstream((request, response, body) => {
      if (request.headers['modelship-mirror']) copied.push(body.readFloatLE(body.length - 4));
      response.writeHead(500).end();
    });
    const at = { v2: broken.port };
    const table = mirroredTable({
      shares: { v1: 0, v2: 10_000 },
      primary: 'v1',
      at,
      shadow: { v2: 10_000 },
      revision: 2,
    });
    await writeTable(both.file, table);
    await until(() => both.v1.server.report().table?.revision === 2);
    expect((await infer(both.v1.entry, X(41))).headers.get('modelship-version')).toBe('v1');
    // One that is copied: the one before would have been copied before.
    await infer(both.v1.direct, X(42));
    await until(() => copied.includes(42));
    expect(copied).toEqual([42]);
    await settled(both, 1);
    expect(both.seen()).toMatchObject({ ...NO_COPY, mirrored: 1, mirrorFailed: 1, shielded: { error: 1 } });
  });

  test('not of a version that is not the stable one', async () => {
    const both = await pair({ shares: { v1: 10_000, v2: 0 }, primary: 'v2' });
    await infer(both.v1.entry);
    expect(both.v1.server.report().versions.v2 ?? NO_COPY).toMatchObject(NO_COPY);
  });

  test('none once the table takes the shadow away', async () => {
    const both = await pair();
    await infer(both.v1.entry);
    await settled(both, 1);
    const at = { v2: Number(new URL(both.v2.direct).port) };
    await writeTable(both.file, mirroredTable({ at, shadow: {}, revision: 2 }));
    await until(() => both.v1.server.report().table?.revision === 2);
    await infer(both.v1.entry);
    expect(both.seen().mirrored).toBe(1);
  });
});

/** Requests of users that were counted: the usual statuses are told from the start, as 0. */
const usersOf = (metrics: ReadonlyMap<string, number>) =>
  [...metrics].filter(([name, count]) => name.startsWith('modelship_requests_total') && count > 0);

describe('the version that gets copies', () => {
  test('counts no users, answers binary and uncompressed, in the trace of the request', async () => {
    const seen: Record<string, unknown>[] = [];
    const target = await upstream((request, response) => {
      seen.push(request.headers);
      response.writeHead(500).end();
    });
    const both = await pair({ at: { v2: target.port } });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const secret = { authorization: 'Bearer x', cookie: 'a=b', 'accept-encoding': 'gzip' };
    await infer(both.v1.entry, X(1), { headers: { traceparent, ...secret } });
    await settled(both, 1);
    expect(seen[0]).toMatchObject({ traceparent, 'modelship-mirror': 'v1', 'modelship-version': 'v2' });
    expect(Number(seen[0]?.['modelship-timeout-ms'])).toBeGreaterThan(0);
    for (const name of Object.keys(secret)) expect(seen[0]).not.toHaveProperty(name);
  });

  test('counts them as runs, never as answers, waits or entries of its cache', async () => {
    const cache = { sizeBytes: 1_000_000, ttlMs: 60_000 };
    const both = await pair({ v2Serving: { protocols: ['rest'], cache } });
    await infer(both.v1.entry);
    await infer(both.v1.entry);
    await settled(both, 2);
    const report = both.v2.server.report();
    expect(report.versions.v2).toMatchObject({ answered: 0, errors: 0, refused: 0, routed: 0 });
    expect([report.latency, report.queue]).toEqual([{}, {}]);
    const metrics = await metricsOf(both.v2);
    const own = `model="${MODEL}",version="v2"`;
    expect(metrics.get(`modelship_request_duration_seconds_count{${own}}`)).toBe(0);
    expect(metrics.get(`modelship_queue_duration_seconds_count{${own}}`)).toBe(0);
    expect(metrics.get(`modelship_compute_duration_seconds_count{${own}}`)).toBe(2);
    expect(metrics.get(`modelship_answers_total{${own},from="run"}`)).toBe(0);
    expect(metrics.get('modelship_cache_entries')).toBe(0);
    expect(usersOf(metrics)).toEqual([]);
    const { json } = await ask(`${both.v2.direct}/v2/models/${MODEL}/stats`);
    expect(json.model_stats[0]).toMatchObject({ inference_count: 4, execution_count: 2 });
  });

  test('a copy that it refuses is no refusal of a user, by whatever way it comes', async () => {
    const both = await pair({ v2Serving: { protocols: ['rest'], limits: { bodyBytes: 100 } } });
    for (const query of ['', '?by=framework']) {
      const headers = { 'modelship-mirror': 'v1' };
      expect((await infer(both.v2.direct, X(...Array(100).fill(1)), { query, headers })).status).toBe(413);
      expect(
        (await infer(both.v2.direct, X(1), { query, headers: { ...headers, 'modelship-version': 'v9' } })).status,
      ).toBe(421);
    }
    const metrics = await metricsOf(both.v2);
    expect(usersOf(metrics)).toEqual([]);
  });
});

describe('what is kept of differing requests', () => {
  test('nothing, until the table says so; and nothing any more once it does not', async () => {
    const models = { v2: classifier({ label: 1 }) };
    const both = await pair({ models });
    const at = { v2: Number(new URL(both.v2.direct).port) };
    const shown = async (): Promise<Diffs> => diffs.parse((await ask(`${both.v1.admin}/modelship/diffs`)).json);
    await infer(both.v1.entry, X(7));
    await settled(both, 1);
    expect(await shown()).toEqual({ model: MODEL, stable: 'v1', keep: 0, diffs: [] });

    const table = (revision: number, keep: number) =>
      writeTable(both.file, mirroredTable({ at, shadow: { v2: 10_000 }, observe: { keep }, revision })).then(() =>
        until(() => both.v1.server.report().table?.revision === revision),
      );
    await table(2, 2);
    for (const x of [7, 8, 9]) {
      await infer(both.v1.entry, X(x));
      await settled(both, x - 5);
    }
    const { diffs: kept, keep } = await shown();
    expect([keep, kept.length]).toEqual([2, 2]);
    expect(kept[0]).toMatchObject({
      version: 'v2',
      reason: "output 'label'[0]: 9 became 10",
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [9] }],
      stable: [{ name: 'label', datatype: 'INT64', shape: [1], data: [9] }, { name: 'score' }],
      canary: [{ name: 'label', datatype: 'INT64', shape: [1], data: [10] }, { name: 'score' }],
    });
    await table(3, 0);
    expect((await shown()).diffs).toEqual([]);
  });
});

test('the report and the metrics say it, with how predictions are distributed at both', async () => {
  const both = await pair({ models: { v2: classifier({ label: 1, score: -3 }) }, observe: { distribution: true } });
  for (const x of [1, 1, 2]) await infer(both.v1.entry, X(x));
  await settled(both, 3);
  const report = podReport.parse((await ask(`${both.v1.admin}/modelship/report`)).json);
  expect(report.versions.v2).toMatchObject({
    mirrored: 3,
    compared: 3,
    differing: 3,
    mirrorFailed: 0,
    mirrorDropped: 0,
  });
  expect(Object.values(report.queue).reduce((sum, count) => sum + count, 0)).toBe(3);
  expect(report.outputs?.label).toEqual({ kind: 'labels', counts: { 1: 2, 2: 1 } });
  expect(both.v2.server.report().outputs?.label).toEqual({ kind: 'labels', counts: { 2: 2, 3: 1 } });
  const scores = Object.keys(both.v2.server.report().outputs?.score?.counts ?? {});
  expect(scores.map((bucket) => bucket[0])).toEqual(['-', '-']);
  const metrics = await metricsOf(both.v1);
  const results = ['same', 'different', 'uncompared', 'failed', 'dropped'];
  const counts = results.map((result) =>
    metrics.get(`modelship_mirrored_requests_total{version="v2",result="${result}"}`),
  );
  expect(counts).toEqual([0, 3, 0, 0, 0]);
});
