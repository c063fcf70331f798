/** Fetch, verify, open, warm: from a launch to a version that serves. */
import type { Launch } from '../api/launch.ts';
import type { Clock } from './clock.ts';
import { LoadError } from './errors.ts';
import { loadModel } from './models/loaded-model.ts';
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
export async function loadInto(
  own: OwnVersion,
  launch: Launch,
  { clock, random, warn, signal }: LoadDeps,
  given?: GivenModel,
): Promise<void> {
  const { uri, sha256, serving } = launch;
  const onPhase = (phase: string, ms: number) => {
    // To a µs.
    own.phases[phase] = Math.round(ms * 1_000) / 1_000;
  };
  try {
    own.state = 'Downloading';
    for (const [phase, ms] of Object.entries(given?.phases ?? {})) onPhase(phase, ms);
    const file = given
      ? { ...given, dispose: async () => {} }
      : await fetchModel(uri, { sha256, download: { clock, random, warn, signal }, onPhase });
    own.digest = file.digest;
    own.state = 'Loading';
    own.serve(await loadModel(file, { serving, cacheDir: launch.cacheDir, clock, warn, onPhase, signal }));
  } catch (error) {
    const failure = error instanceof LoadError ? error : new LoadError('INTERNAL', String(error), { cause: error });
    own.fail(failure);
    throw failure;
  }
}
