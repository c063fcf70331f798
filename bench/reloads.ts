/**
 * Whether memory stays flat: reloads of a model, and runs of one that stays open, on the thread that serves and in a worker.
 * `node bench/reloads.ts [RELOADS] [RUNS]`, by default 500 and 200,000 of each. Prints RSS over time and its slope over
 * the second half, by least squares. Takes some minutes.
 */
import type { RuntimeServing } from '../api/launch.ts';
import { realClock } from '../runtime/clock.ts';
import { type LoadedModel, loadModel } from '../runtime/models/loaded-model.ts';

const [reloads = 500, runs = 200_000] = process.argv.slice(2).map(Number);
const PATH = 'examples/digits/models/2/model.onnx';
const MIB = 2 ** 20;
const POINTS = 20;
/** Requests under way at once. */
const CLIENTS = 16;

function servingOf(workers: number): RuntimeServing {
  return {
    batching: { maxBatchSize: 32, maxDelayMs: 0 },
    warmupRequests: 1,
    session: {
      threads: 1,
      graphOptimization: 'all',
      executionProviders: ['cpu'],
      arena: true,
      device: 0,
      keepOptimized: false,
    },
    execution: { cores: 1, workers },
    limits: { bodyBytes: 2 ** 24, queue: 1024, timeoutMs: 600_000 },
    protocols: ['rest'],
  };
}

function load(workers: number): Promise<LoadedModel> {
  const file = { path: PATH, digest: '', dispose: async () => {} };
  const serving = servingOf(workers);
  return loadModel(file, { serving, clock: realClock, warn: () => {}, onPhase: () => {} });
}

async function run(model: LoadedModel, times: number): Promise<void> {
  const inputs = [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: new Float32Array(64) }] as const;
  const work = { inputs, outputs: ['label', 'probabilities'], bytes: 1, caller: {}, onGone: () => () => {} };
  let left = times;
  const client = async () => {
    while (left-- > 0) {
      await model.runner.submit({ ...work, deadline: realClock.now() + 60_000 });
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

/** Takes RSS at equal steps, and prints them with the slope of the second half. */
async function watch(what: string, unit: string, total: number, step: (times: number) => Promise<void>): Promise<void> {
  const points: [number, number][] = [];
  const each = Math.max(1, Math.floor(total / POINTS));
  for (let done = 0; done < total; done += each) {
    await step(Math.min(each, total - done));
    points.push([Math.min(total, done + each), process.memoryUsage.rss() / MIB]);
  }
  const late = points.slice(Math.floor(points.length / 2));
  const slope = slopeOf(late);
  const over = slope * (total / 2);
  process.stdout.write(
    `${what}\n  RSS MiB: ${points.map(([, mib]) => mib.toFixed(0)).join(' ')}\n` +
      `  second half: ${(slope * 1024).toFixed(3)} KiB ${unit}, ${over.toFixed(1)} MiB in all\n`,
  );
}

function slopeOf(points: [number, number][]): number {
  const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const over = points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0);
  return over / points.reduce((sum, [px]) => sum + (px - x) ** 2, 0);
}

for (const workers of [0, 1]) {
  const where = workers === 0 ? 'on main' : 'in a worker';
  await watch(`${reloads} reloads ${where}`, 'a reload', reloads, async (times) => {
    for (let i = 0; i < times; i++) {
      const model = await load(workers);
      await run(model, 20);
      await model.close();
    }
  });
  const model = await load(workers);
  await watch(`${runs} runs ${where}`, 'a run', runs, (times) => run(model, times));
  await model.close();
}
