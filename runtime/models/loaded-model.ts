/** A model that is open: what it takes, how it is run, how it is let go. */
import { type BatcherStats, createBatcher } from '../batching/batcher.ts';
import { type CacheStats, createCachedRunner } from '../batching/cache.ts';
import type { Signature } from '../protocol/signature.ts';
import type { Executor } from './executor.ts';
import type { ModelFile } from './model-file.ts';
import { type ExecutionFacts, type OpenOptions, openExecutors } from './open-executors.ts';
import type { Runner } from './runner.ts';

/** What waits may hold as many bytes as this many of the largest bodies. */
const QUEUED_BODIES = 16;

export interface LoadedModel {
  signature: Signature;
  /** SHA-256 of the file, hexadecimal. */
  digest: string;
  runner: Runner;
  execution: ExecutionFacts;
  batching(): BatcherStats;
  /** Left out: answers are not kept. */
  cache?: () => CacheStats;
  /** Lets the model and its file go once nothing runs: the process aborts if it ends inside a run. */
  close(): Promise<void>;
}

export type LoadOptions = OpenOptions;

/**
 * Opens and warms a verified file, which it disposes of: at once if it can't be opened, else when the model is closed,
 * for until then a worker may have to open it again.
 * @throws LoadError MODEL_CORRUPT, MODEL_UNSUPPORTED, OPTION_UNSUPPORTED, PROVIDER_MISSING, WARMUP_FAILED
 */
export async function loadModel(file: ModelFile, options: LoadOptions): Promise<LoadedModel> {
  const { executors, execution } = await openExecutors(file, options).catch(async (error) => {
    await file.dispose();
    throw error;
  });
  const { serving, clock, warn } = options;
  const { signature } = executors[0] as Executor;
  const { queue, bodyBytes } = serving.limits;
  const room = { requests: queue, bytes: QUEUED_BODIES * bodyBytes };
  const batcher = createBatcher({
    lanes: executors,
    eager: execution.place === 'main',
    ...serving.batching,
    signature,
    room,
    clock,
    warn,
  });
  const { cache } = serving;
  const cached = cache && createCachedRunner({ inner: batcher, clock, room, ...cache });
  const runner = cached ?? batcher;
  let closing: Promise<void> | undefined;
  const close = async () => {
    await runner.drained();
    await Promise.all(executors.map((executor) => executor.close()));
    await file.dispose();
  };
  return {
    signature,
    digest: file.digest,
    runner,
    execution,
    batching: () => batcher.stats(),
    ...(cached && { cache: () => cached.stats() }),
    close() {
      closing ??= close();
      return closing;
    },
  };
}
