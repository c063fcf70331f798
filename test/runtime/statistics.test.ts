import { describe, expect, test } from 'vitest';
import type { Done } from '../../runtime/models/runner.ts';
import { Statistics } from '../../runtime/statistics.ts';
import { ask, infer, run } from './harness.ts';
import { addition, identity } from './onnx-builder.ts';

const done = (changes: Partial<Done> = {}): Done => ({
  outputs: [],
  queued: 2,
  computed: 3,
  batch: 1,
  items: 1,
  first: true,
  from: 'run',
  ...changes,
});

const at = (ms: number, cached = false) => new Statistics({ model: 'm', version: 'v1', cached, wallClock: () => ms });

const NONE = { count: 0, ns: 0 };

test('nothing happened: all is zero', () => {
  expect(at(1).snapshot()).toEqual({
    name: 'm',
    version: 'v1',
    last_inference: 0,
    inference_count: 0,
    execution_count: 0,
    inference_stats: {
      success: NONE,
      fail: NONE,
      queue: NONE,
      compute_input: NONE,
      compute_infer: NONE,
      compute_output: NONE,
      cache_hit: NONE,
      cache_miss: NONE,
    },
    batch_stats: [],
  });
});

test('three requests in one run: three answers, their items, one execution, one batch', () => {
  const statistics = at(1_700_000_000_123.5);
  statistics.ran(done({ items: 4, batch: 7 }), 0.5, 0.25);
  statistics.ran(done({ items: 1, batch: 7, first: false, queued: 1 }), 0.5, 0.25);
  statistics.ran(done({ items: 2, batch: 7, first: false, queued: 0 }), 0, 0);
  expect(statistics.snapshot()).toMatchObject({
    last_inference: 1_700_000_000_123,
    inference_count: 7,
    execution_count: 1,
    inference_stats: {
      success: { count: 3, ns: 13_500_000 },
      queue: { count: 3, ns: 3_000_000 },
      compute_input: { count: 3, ns: 1_000_000 },
      compute_infer: { count: 3, ns: 9_000_000 },
      compute_output: { count: 3, ns: 500_000 },
    },
    batch_stats: [{ batch_size: 7, compute_infer: { count: 1, ns: 3_000_000 } }],
  });
});

test('an answer from the cache is a hit and no inference; only with a cache is a run a miss', () => {
  const cached = at(1, true);
  cached.ran(done(), 0, 0);
  cached.ran(done({ from: 'cache', queued: 0, computed: 0.5 }), 0, 0);
  expect(cached.snapshot()).toMatchObject({
    inference_count: 1,
    execution_count: 1,
    inference_stats: { success: { count: 2 }, cache_hit: { count: 1, ns: 500_000 }, cache_miss: { count: 1, ns: 0 } },
  });
  const uncached = at(1);
  uncached.ran(done(), 0, 0);
  expect(uncached.snapshot().inference_stats.cache_miss).toEqual(NONE);
});

test('an answer from the run of an identical request is neither an inference nor a hit', () => {
  const statistics = at(1, true);
  statistics.ran(done({ from: 'joined' }), 0, 0);
  expect(statistics.snapshot()).toMatchObject({
    inference_count: 0,
    execution_count: 0,
    inference_stats: { success: { count: 1 }, cache_hit: NONE, cache_miss: NONE, compute_infer: NONE },
    batch_stats: [],
  });
});

test('failures are counted apart, with their time', () => {
  const statistics = at(9);
  statistics.failed(1.5);
  statistics.failed(0);
  const { last_inference, inference_stats, inference_count } = statistics.snapshot();
  expect([last_inference, inference_count]).toEqual([9, 0]);
  expect([inference_stats.fail, inference_stats.success]).toEqual([{ count: 2, ns: 1_500_000 }, NONE]);
});

describe('batch sizes are bounded: exact to 128, then powers of two', () => {
  test.each([
    [1, 1],
    [128, 128],
    [129, 256],
    [256, 256],
    [257, 512],
    [4096, 4096],
    [2 ** 31, 2 ** 31],
    [2 ** 40, 2 ** 31],
    [0, 0],
  ])('%d items count under %d', (items, size) => {
    const statistics = at(1);
    statistics.ran(done({ items, batch: items }), 0, 0);
    expect(statistics.snapshot().batch_stats.map(({ batch_size }) => batch_size)).toEqual([size]);
  });
});

test('a runtime counts what it answered and what failed in it, not what was refused before', async () => {
  const running = await run({ model: identity('FP32', ['n', 2]), serving: { protocols: ['rest'] } });
  const body = (shape: number[]) => ({
    inputs: [{ name: 'x', datatype: 'FP32', shape, data: Array(shape[0] as number).fill([1, 2]) }],
  });
  expect((await infer(running, body([3, 2]))).status).toBe(200);
  expect((await infer(running, body([1, 2]))).status).toBe(200);
  expect((await infer(running, { inputs: [] })).status).toBe(400);
  const { json, status } = await ask(`${running.entry}/v2/models/m/stats`);
  expect(status).toBe(200);
  const [stats] = json.model_stats;
  expect(stats).toMatchObject({
    name: 'm',
    version: 'v1',
    execution_count: 2,
    inference_stats: { success: { count: 2 }, fail: { count: 0 }, queue: { count: 2 }, compute_infer: { count: 2 } },
  });
  expect(stats.inference_stats.success.ns).toBeGreaterThanOrEqual(stats.inference_stats.compute_infer.ns);
  expect(Math.abs(stats.last_inference - Date.now())).toBeLessThan(60_000);
});

test('a run that the model fails counts as a failure', async () => {
  const running = await run({ model: addition('FP32') });
  const input = (name: string, size: number) => ({ name, datatype: 'FP32', shape: [size], data: Array(size).fill(1) });
  const { status } = await infer(running, { inputs: [input('a', 2), input('b', 3)] });
  expect(status).toBeGreaterThanOrEqual(400);
  const { json } = await ask(`${running.entry}/v2/models/m/stats`);
  const { inference_count, inference_stats } = json.model_stats[0];
  expect([inference_count, inference_stats.success.count, inference_stats.fail.count]).toEqual([0, 0, 1]);
  expect(inference_stats.fail.ns).toBeGreaterThan(0);
});
