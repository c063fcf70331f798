/**
 * The compute limit: onnxruntime in a loop, no server, no text. A process of one thread a core; each takes orders on its
 * IPC channel. node compute.ts POOL
 */
import type { InferenceSession } from 'onnxruntime-node';
import { feedsOf, merged, openSession, readPool } from '../models/pool.ts';
import { median } from '../statistics.ts';
import type { Tensors } from '../tensors.ts';

export interface LoopOrder {
  /** Rows a run. */
  batch: number;
  warmMs: number;
  ms: number;
}

export interface LoopResult {
  rows: number;
  seconds: number;
  cpuSeconds: number;
  /** Of a run, milliseconds. */
  p50: number;
  memory: number;
}

async function loop(
  session: InferenceSession,
  inputs: Tensors[],
  { batch, warmMs, ms }: LoopOrder,
): Promise<LoopResult> {
  const count = Math.max(1, Math.floor(inputs.length / batch));
  const batches = Array.from({ length: count }, (_, at) => merged(inputs.slice(at * batch, (at + 1) * batch)));
  const runFor = async (limit: number): Promise<number[]> => {
    const times: number[] = [];
    const end = performance.now() + limit;
    for (let next = 0, began = performance.now(); began < end; next++) {
      // A tensor for each run, as a server has to make one.
      await session.run(feedsOf(batches[next % batches.length] as Tensors));
      const now = performance.now();
      times.push(now - began);
      began = now;
    }
    return times;
  };
  await runFor(warmMs);
  const cpu = process.cpuUsage();
  const began = performance.now();
  const times = await runFor(ms);
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const memory = process.memoryUsage.rss();
  return { rows: times.length * batch, seconds, cpuSeconds: (user + system) / 1e6, p50: median(times), memory };
}

const { file, inputs } = await readPool(process.argv[2] as string);
const session = await openSession(file);
process.on('message', async (order: LoopOrder) => process.send?.(await loop(session, inputs, order)));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
