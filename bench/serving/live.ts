/** How fast `/v2/health/live` answers while a model of some 200 ms a run is saturated. A new connection a probe, as kubelets do. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SLOW, slowRequest } from '../../test/runtime/slow-model.ts';
import { startRuntime } from './contenders.ts';
import { openHttp1 } from './load/http1.ts';
import { drive } from './load/loop.ts';
import type { Pool } from './models/pool.ts';
import type { Placement } from './processes.ts';
import { quantile } from './statistics.ts';
import { inferPath, post } from './wires/wire.ts';

export interface Liveness {
  probes: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  most: number;
  /** Of the model, while probed: requests answered, and milliseconds a run with nobody else about. */
  answers: number;
  runMs: number;
  concurrency: number;
}

const CONCURRENCY = 8;
const RUN_MS = 200;
const PROBE_EVERY_MS = 10;

interface Plan {
  seconds: number;
  placement: Placement;
}

export async function liveness({ seconds, placement }: Plan): Promise<Liveness> {
  const folder = await mkdtemp(path.join(tmpdir(), 'modelship-bench-'));
  const file = path.join(folder, 'slow.onnx');
  await writeFile(file, SLOW);
  const pool: Pool = { file, inputs: [], outputs: [], expected: [], output: 'y', tolerance: 0 };
  const server = await startRuntime('slow', false, { pool, placement, folder });
  try {
    const { port } = server;
    const target = { host: '127.0.0.1', port, model: 'model', output: 'y' };
    const ask = (side: number): Buffer => {
      const body = Buffer.from(JSON.stringify(slowRequest(side)));
      return post(inferPath(target), target, { 'content-type': 'application/json' }, body);
    };
    const { side, runMs } = await sideFor(RUN_MS, async (size) => (await timesOf(port, ask(size)))[0] as number);
    const transport = await openHttp1(port, CONCURRENCY);
    const load = drive(transport, { requests: [ask(side)], slots: CONCURRENCY, ms: seconds * 1_000 });
    await sleep(2 * RUN_MS);
    const probes = await probe(port, seconds * 1_000 - 4 * RUN_MS);
    const { answers } = await load;
    transport.close();
    const sorted = Float64Array.from(probes).sort();
    const [p50, p99, most] = [quantile(sorted, 0.5), quantile(sorted, 0.99), quantile(sorted, 1)];
    return { probes: probes.length, p50, p99, most, answers, runMs, concurrency: CONCURRENCY };
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function timesOf(port: number, message: Buffer): Promise<number[]> {
  const transport = await openHttp1(port, 1);
  const { latencies, failures } = await drive(transport, { requests: [message], slots: 1, ms: 300 });
  transport.close();
  if (failures.size > 0) throw new Error(`the slow model: ${[...failures.keys()][0]}`);
  return [...latencies].toSorted((a, b) => a - b);
}

const SMALLEST = 64;
const LARGEST = 2_048;

/** The size at which a run takes about this long: a product of matrices takes the cube of their side. */
export async function sideFor(
  wantedMs: number,
  msOf: (side: number) => Promise<number>,
): Promise<{ side: number; runMs: number }> {
  let side = 256;
  let runMs = await msOf(side);
  for (let attempt = 0; attempt < 4 && Math.abs(runMs / wantedMs - 1) > 0.15; attempt++) {
    side = Math.min(LARGEST, Math.max(SMALLEST, Math.round(side * Math.cbrt(wantedMs / runMs))));
    runMs = await msOf(side);
  }
  return { side, runMs };
}

/** Milliseconds of each probe. @throws Error when one is not answered with 200 */
async function probe(port: number, ms: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const began = performance.now();
    await live(port);
    times.push(performance.now() - began);
    await sleep(PROBE_EVERY_MS);
  }
  return times;
}

function live(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: '/v2/health/live', agent: false }, (response) => {
      response.resume().on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`/v2/health/live answered ${response.statusCode}`));
      });
    })
      .on('error', reject)
      .end();
  });
}
