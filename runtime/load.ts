/** Fetch, verify, open, warm, replay golden requests: from a launch to a version that serves. */
import type { Launch } from '../api/launch.ts';
import type { Clock } from './clock.ts';
import { LoadError } from './errors.ts';
import { readGolden } from './golden/file.ts';
import type { GoldenRequest } from './golden/parse.ts';
import { replayGolden } from './golden/replay.ts';
import { type LoadedModel, loadModel } from './models/loaded-model.ts';
import { fetchModel } from './models/source.ts';
import type { OwnVersion } from './own-version.ts';

export interface LoadDeps {
  clock: Clock;
  /** 0 ≤ x < 1. */
  random(): number;
  warn(message: string): void;
  /** Breaks the start off, as when the process is to end: a step that runs is waited for, none follows. */
  signal?: AbortSignal;
}

/** A file that the head of a replica fetched and verified for all of its processes. */
export interface GivenModel {
  path: string;
  digest: string;
  /** Ms that its phases took. */
  phases: Readonly<Record<string, number>>;
}

/**
 * Loads what the launch names into `own`, which says at any time how far it is.
 * @param given left out: fetched and verified here
 * @throws LoadError
 */
export async function loadInto(own: OwnVersion, launch: Launch, deps: LoadDeps, given?: GivenModel): Promise<void> {
  const { clock, random, warn, signal } = deps;
  const { uri, sha256, serving } = launch;
  const onPhase = (phase: string, ms: number) => {
    // To a µs.
    own.phases[phase] = Math.round(ms * 1_000) / 1_000;
  };
  try {
    own.state = 'Downloading';
    const begun = clock.now();
    // Before the model, which may be large: what is wrong with the file is known at once.
    const golden = launch.golden && (await readGolden(launch.golden.uri, { clock, random, warn, signal }));
    const readMs = clock.now() - begun;
    for (const [phase, ms] of Object.entries(given?.phases ?? {})) onPhase(phase, ms);
    const file = given
      ? { ...given, dispose: async () => {} }
      : await fetchModel(uri, { sha256, download: { clock, random, warn, signal }, onPhase });
    own.digest = file.digest;
    own.state = 'Loading';
    const model = await loadModel(file, { serving, cacheDir: launch.cacheDir, clock, warn, onPhase, signal });
    if (golden) onPhase('golden', readMs + (await replayed(golden, model, launch, deps)));
    own.serve(model);
  } catch (error) {
    const failure = error instanceof LoadError ? error : new LoadError('INTERNAL', String(error), { cause: error });
    own.fail(failure);
    throw failure;
  }
}

/** @returns ms that it took @throws LoadError GOLDEN_MISMATCH, once the model is closed */
async function replayed(
  requests: readonly GoldenRequest[],
  model: LoadedModel,
  { golden, serving }: Launch,
  { clock, signal }: LoadDeps,
): Promise<number> {
  const started = clock.now();
  const { timeoutMs } = serving.limits;
  try {
    await replayGolden(requests, model, { tolerance: golden?.tolerance ?? 0, timeoutMs, clock, signal });
  } catch (error) {
    await model.close();
    throw error;
  }
  return clock.now() - started;
}
