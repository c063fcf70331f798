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
}

/**
 * Loads what the launch names into `own`, which says at any time how far it is.
 * @throws LoadError
 */
export async function loadInto(own: OwnVersion, launch: Launch, { clock, random, warn }: LoadDeps): Promise<void> {
  const { uri, sha256, serving } = launch;
  const onPhase = (phase: string, ms: number) => {
    // To a µs.
    own.phases[phase] = Math.round(ms * 1_000) / 1_000;
  };
  try {
    own.state = 'Downloading';
    const started = clock.now();
    const file = await fetchModel(uri, { sha256, download: { clock, random, warn } });
    onPhase('fetch', clock.now() - started);
    own.digest = file.digest;
    own.state = 'Loading';
    try {
      own.serve(await loadModel(file, { serving, clock, warn, onPhase }));
    } finally {
      await file.dispose();
    }
  } catch (error) {
    const failure = error instanceof LoadError ? error : new LoadError('INTERNAL', String(error), { cause: error });
    own.fail(failure);
    throw failure;
  }
}
