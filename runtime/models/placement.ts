/**
 * Where a model runs, and on how many threads. Pure; the numbers behind the rule are in docs/decisions/execution.md.
 *
 * - A model whose largest run takes less than `TINY_MS` runs on the thread that serves: a trip to a worker costs more
 *   than it frees. A quarter of that, if real requests may be larger than what was made up.
 * - Any other runs in workers: as many as the cores of the process hold sessions of `threads` threads, as long as their
 *   weights fit in half of the memory that is left. One, if a GPU runs it.
 * - A model that could not be measured is taken for a slow one: a worker that was not needed costs a fraction of a
 *   millisecond a request, a main thread that is blocked costs every request, probes among them.
 * - What the spec says goes before all that.
 */

/** Longest run that may block the thread that serves, ms. */
export const TINY_MS = 1;
const TINY_IF_GUESSED_MS = TINY_MS / 4;
/** A session takes more memory than its file: weights are packed for the CPU, and runs need buffers. */
const MEMORY_OF_FILE = 1.5;

export interface Measured {
  /** The largest run that was tried: items, and ms. */
  items: number;
  ms: number;
  /** Dimensions inside an item are open, so its size was a guess. */
  guessed: boolean;
}

export interface Circumstances {
  /** Whole cores that this process may count on. */
  cores: number;
  /** As the spec says; undefined: to be chosen. */
  workers: number | undefined;
  /** Of one session. */
  threads: number;
  /** A GPU runs the model. */
  gpu: boolean;
  /** Undefined: made-up requests could not be run, or were not wanted. */
  measured: Measured | undefined;
  weightBytes: number;
  /** Sessions map one copy of the weights. */
  weightsShared: boolean;
  /** Left to this process. */
  memoryBytes: number;
}

export interface Placement {
  /** Threads beside the one that serves; 0: that one runs the model. */
  workers: number;
  /** For the log. */
  why: string;
}

export function place(given: Circumstances): Placement {
  const { workers, measured, gpu } = given;
  if (workers !== undefined) return { workers, why: 'serving.execution.workers says so' };
  const tiny = measured?.guessed ? TINY_IF_GUESSED_MS : TINY_MS;
  if (measured && measured.ms < tiny) return { workers: 0, why: `${said(measured)}, less than ${tiny} ms` };
  const slow = measured ? said(measured) : 'it could not be measured';
  if (gpu) return { workers: 1, why: `${slow}; a GPU runs it` };
  const { most, why } = mostWorkers(given);
  return { workers: most, why: `${slow}; ${why}` };
}

function mostWorkers(given: Circumstances): { most: number; why: string } {
  const { cores, threads, weightBytes, weightsShared, memoryBytes } = given;
  const byCores = Math.max(1, Math.floor(cores / threads));
  const why = `cores: ${cores}, threads of a session: ${threads}`;
  if (weightsShared) return { most: byCores, why };
  const byMemory = Math.max(1, Math.floor(memoryBytes / 2 / (MEMORY_OF_FILE * weightBytes)));
  if (byMemory >= byCores) return { most: byCores, why };
  return { most: byMemory, why: `${why}, but memory for ${byMemory}` };
}

function said({ items, ms }: Measured): string {
  return `a run of ${items} took ${ms < 10 ? ms.toFixed(2) : Math.round(ms)} ms`;
}

/** Files above this are opened in a worker first: to open them blocks a thread for long, bytes. */
const LARGE_FILE = 16 * 2 ** 20;

/** Where to open a model of which nothing is known yet. */
export function openFirst(given: { workers: number | undefined; gpu: boolean; fileBytes: number }): 'main' | 'worker' {
  const { workers, gpu, fileBytes } = given;
  if (workers !== undefined) return workers === 0 ? 'main' : 'worker';
  return gpu || fileBytes > LARGE_FILE ? 'worker' : 'main';
}
