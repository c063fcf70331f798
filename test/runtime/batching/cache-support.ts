/** A cache in front of a batcher. */
import { createCachedRunner } from '../../../runtime/batching/cache.ts';
import type { Done } from '../../../runtime/models/runner.ts';
import { asking, type BenchOptions, bench, type Outcome, rowsOf } from './support.ts';

export interface CacheBench extends BenchOptions {
  sizeBytes?: number;
  ttlMs?: number;
  mostJoined?: number;
  mostJoinedBytes?: number;
}

/** A cache in front of a batcher whose runs end when the test says so. */
export function cached(given: CacheBench = {}) {
  const { sizeBytes = 100_000, ttlMs = 1_000, mostJoined = 10, mostJoinedBytes = 1_000, ...options } = given;
  const behind = bench({ maxBatchSize: 1, ...options });
  const room = { requests: mostJoined, bytes: mostJoinedBytes };
  const runner = createCachedRunner({ inner: behind.batcher, clock: behind.clock, sizeBytes, ttlMs, room });
  const { submit, gone } = asking(runner, behind.clock);
  /** Many ask the same, told apart by who they are. */
  const same = (who: number, timeout?: number) =>
    submit([who], { inputs: [rowsOf([7])], ...(timeout !== undefined && { timeout }) });
  return { ...behind, runner, submit, gone, same };
}

export const bufferOf = (done: Done | undefined) => (done?.outputs[0]?.data as Float32Array | undefined)?.buffer;
export const from = (outcomes: readonly Outcome[]) => outcomes.map(({ done, code }) => code ?? done?.from);
