/** A model that is open: what it takes, how it is run, how it is let go. */
import type { RuntimeServing } from '../../api/launch.ts';
import type { Clock } from '../clock.ts';
import type { Signature } from '../protocol/signature.ts';
import { openModel } from './ort.ts';
import { RunQueue } from './run-queue.ts';
import type { Runner } from './runner.ts';
import { warmUp } from './warm-up.ts';

/** What waits may hold as many bytes as this many of the largest bodies. */
const QUEUED_BODIES = 16;

export interface LoadedModel {
  signature: Signature;
  /** SHA-256 of the file, hexadecimal. */
  digest: string;
  runner: Runner;
  /** Lets the model go once nothing runs: the process aborts if it ends inside a run. */
  close(): Promise<void>;
}

export interface LoadOptions {
  serving: RuntimeServing;
  clock: Clock;
  warn(message: string): void;
  /** Told how long each phase took, ms. */
  onPhase(phase: 'open' | 'warmup', ms: number): void;
}

/**
 * Opens and warms a verified file.
 * @throws LoadError MODEL_CORRUPT, MODEL_UNSUPPORTED, PROVIDER_MISSING, WARMUP_FAILED
 */
export async function loadModel(file: { path: string; digest: string }, options: LoadOptions): Promise<LoadedModel> {
  const { serving, clock, warn, onPhase } = options;
  const opening = clock.now();
  const model = await openModel(file.path, serving.session, warn);
  const opened = clock.now();
  onPhase('open', opened - opening);
  const run = model.run.bind(model);
  try {
    await warmUp(model.signature, run, serving.warmupRequests, warn);
  } catch (error) {
    await model.release();
    throw error;
  }
  onPhase('warmup', clock.now() - opened);
  const { queue, bodyBytes } = serving.limits;
  const runner = new RunQueue(run, { requests: queue, bytes: QUEUED_BODIES * bodyBytes }, clock);
  const close = async () => {
    await runner.drained();
    await model.release();
  };
  return { signature: model.signature, digest: file.digest, runner, close };
}
