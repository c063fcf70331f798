/**
 * How fast `/v2/health/live` answers while a model of some 200 ms a run is saturated: in workers, as the rule has it, and
 * on the thread that serves, for comparison. `node bench/live.ts [SECONDS]`, by default 15 of each. Needs no second machine: a
 * probe costs little. Bound: p99 within 50 ms in workers.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Launch, launchArgs } from '../api/launch.ts';
import { RUNTIME } from '../test/programs.ts';
import { onnx } from '../test/runtime/onnx-builder.ts';

const SECONDS = Number(process.argv[2] ?? 15);
const SIDE = 768;
const PRODUCTS = 12;
/** Requests under way at once: more than any number of workers takes. */
const CLIENTS = 16;
const PROBE_EVERY_MS = 20;

/** Products of squares, whatever the values of x [SIDE, 1]. */
const MODEL = onnx({
  inputs: [{ name: 'x', element: 'FP32', shape: [SIDE, 1] }],
  outputs: [{ name: 'y', element: 'FP32', shape: [] }],
  nodes: [
    { op: 'Transpose', inputs: ['x'], outputs: ['t'] },
    { op: 'MatMul', inputs: ['x', 't'], outputs: ['m0'] },
    ...Array.from({ length: PRODUCTS }, (_, i) => ({ op: 'MatMul', inputs: [`m${i}`, 'm0'], outputs: [`m${i + 1}`] })),
    { op: 'ReduceMax', inputs: [`m${PRODUCTS}`], outputs: ['y'], ints: { keepdims: 0 } },
  ],
});
const BODY = JSON.stringify({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [SIDE, 1], data: new Array(SIDE).fill(0) }],
});

function launchOf(uri: string, workers: number | undefined): Launch {
  return {
    model: 'm',
    version: 'v1',
    uri,
    serving: {
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
      execution: { cores: availableParallelism(), processes: 1, ...(workers !== undefined && { workers }) },
      limits: { bodyBytes: 2 ** 24, queue: 1024, timeoutMs: 600_000 },
      protocols: ['rest'],
    },
    entry: '127.0.0.1:0',
    direct: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    drainDelayMs: 0,
    logLevel: 'info',
  };
}

const agent = new Agent({ keepAlive: true });

/** @returns ms to the end of the answer */
function ask(port: number, path: string, body?: string): Promise<number> {
  const started = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const sent = request({ port, path, method: body === undefined ? 'GET' : 'POST', agent, headers }, (response) => {
    response.resume();
    response.on('end', () => resolve(performance.now() - started));
  });
  sent.on('error', reject);
  sent.end(body);
  return promise;
}

async function measure(uri: string, workers: number | undefined): Promise<void> {
  const args = [RUNTIME, ...launchArgs(launchOf(uri, workers))];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  let port = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, entry, execution, phases } = JSON.parse(line);
    if (msg === 'listening') port = entry;
    if (msg !== 'ready') continue;
    process.stdout.write(`${execution.place}, workers: ${execution.workers} (${execution.why})\n`);
    process.stdout.write(`  start, ms by phase: ${JSON.stringify(phases)}\n`);
    break;
  }
  const end = performance.now() + SECONDS * 1_000;
  const runs: number[] = [];
  const probes: number[] = [];
  const client = async () => {
    while (performance.now() < end) runs.push(await ask(port, '/v2/models/m/infer', BODY));
  };
  const prober = async () => {
    while (performance.now() < end) {
      probes.push(await ask(port, '/v2/health/live'));
      await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS));
    }
  };
  await Promise.all([...Array.from({ length: CLIENTS }, client), prober()]);
  const at = (share: number) => probes.sort((a, b) => a - b)[Math.floor(share * (probes.length - 1))]?.toFixed(1);
  process.stdout.write(
    `  ${(runs.length / SECONDS).toFixed(1)} runs a second; ${probes.length} probes: ` +
      `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms\n`,
  );
  child.kill('SIGTERM');
  await ended;
}

const folder = await mkdtemp(join(tmpdir(), 'modelship-bench-'));
const uri = join(folder, 'model.onnx');
await writeFile(uri, MODEL);
for (const workers of [undefined, 1, 0]) await measure(uri, workers);
agent.destroy();
await rm(folder, { recursive: true });
