/** How many processes a replica has, by the CPU that it may count on and the measured cost of a run. Pure. */
import type { Placement } from '../../api/handoff.ts';
import type { Launch, RuntimeServing } from '../../api/launch.ts';

/** More than this was never measured. */
export const MOST_BY_RULE = 4;
/** What a process takes beside its model: 85 MB at rest, 130 to 310 under load where memory is to spare. */
const PROCESS_BYTES = 256 * 2 ** 20;
/** A session takes more memory than its file. */
const MEMORY_OF_FILE = 1.5;

type Serving = Pick<RuntimeServing, 'execution' | 'session'>;

/** Whether a head is needed to find out: else the process that is started serves by itself. */
export function mayHaveSeveral({ serving, admin }: Pick<Launch, 'admin'> & { serving: Serving }): boolean {
  return admin !== 'none' && atMost(serving) > 1;
}

/** Processes to start with: all of them where the number is stated, else the one that measures. */
export function firstProcesses({ execution }: Serving): number {
  return execution.processes ?? 1;
}

export interface Found {
  /** Where the first process runs the model; undefined: it does not say. */
  placement: Placement | undefined;
  fileBytes: number;
  /** Memory that is left to the replica. */
  memoryBytes: number;
}

/**
 * Processes in all, once the first one has measured the model. One that runs fast enough for the thread that serves is
 * bound by that thread, and gains from each core that gets a process of its own, as long as the others take no more
 * than half of the memory that is left. A heavier one runs in worker threads, which use the cores already and share what
 * a process would keep twice.
 */
export function processesFor(serving: Serving, { placement, fileBytes, memoryBytes }: Found): number {
  if (serving.execution.processes !== undefined) return serving.execution.processes;
  if (placement?.on !== 'main') return 1;
  const others = Math.floor(memoryBytes / 2 / (PROCESS_BYTES + MEMORY_OF_FILE * fileBytes));
  return Math.min(atMost(serving), 1 + others);
}

/** What each process may count on. @param processes of the replica */
export function coresOfEach({ execution }: Serving, processes: number): number {
  return Math.max(1, Math.floor(execution.cores / processes));
}

function atMost({ execution, session }: Serving): number {
  if (execution.processes !== undefined) return execution.processes;
  // Stated workers mean one process with them; a GPU would hold a copy of the model for each process.
  const { workers = 0, cores } = execution;
  if (workers > 0 || session.executionProviders.some((provider) => provider !== 'cpu')) return 1;
  return Math.min(cores, MOST_BY_RULE);
}
