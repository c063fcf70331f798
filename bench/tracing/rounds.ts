/**
 * Rounds of all cases. Two processes of the same code differ by what was compiled when, and by who came first: each round
 * has processes of its own, started in another order, which are loaded in turn, there and back.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { OWN_MODEL, startRuntime } from '../serving/contenders.ts';
import { type Generator, startGenerator } from '../serving/load/generator.ts';
import type { Measured } from '../serving/load/order.ts';
import { MODELS } from '../serving/models/catalogue.ts';
import { makePool, type Pool, writePool } from '../serving/models/pool.ts';
import { type Placement, startNode, stopProcess } from '../serving/processes.ts';
import { rotated } from '../serving/rounds.ts';
import type { Running } from '../serving/running.ts';
import { CASES, type Case, type CaseId } from './cases.ts';
import type { Counts } from './sink.ts';

/** One case in one round. */
export interface Sample {
  case: CaseId;
  concurrency: number;
  round: number;
  answers: number;
  /** Of the runtime's process for a request: its spans are made, encoded and sent by it. */
  cpuMicros: number;
  /** Milliseconds, means of both windows. */
  p50: number;
  p99: number;
  /** Cores that the load generator used; near 1 it is the limit itself. */
  generatorBusy: number;
}

/** What became of the spans of one case in one round, at every concurrency and while it warmed up. */
export interface Exported {
  case: CaseId;
  round: number;
  requests: number;
  /** That arrived. */
  spans: number;
}

export interface Found {
  samples: Sample[];
  exported: Exported[];
}

export interface Plan {
  rounds: number;
  /** Of each case at each concurrency in a round. */
  seconds: number;
  placement: Placement;
}

export const CONCURRENCIES = [1, 16] as const;
/** Answers after which a process is taken to be compiled, however busy the machine. */
const WARM_ANSWERS = 20_000;
const FIRST_WARM_MS = 500;
const WARM_MS = 100;

interface Bench {
  plan: Plan;
  folder: string;
  pool: Pool;
  poolFile: string;
  generator: Generator;
  sink: ChildProcess;
  /** Where the sink listens. */
  url: string;
}

export async function measureRounds(plan: Plan, log: (line: string) => void): Promise<Found> {
  const folder = await mkdtemp(path.join(tmpdir(), 'modelship-bench-'));
  const cores = plan.placement.generator;
  const generator = startGenerator(plan.placement);
  const sink = startNode([path.join(import.meta.dirname, 'sink.ts')], { cores, ipc: true });
  try {
    const [port] = (await once(sink, 'message')) as [number];
    const pool = await makePool(MODELS.digits, log);
    const poolFile = path.join(folder, 'pool.bin');
    await writePool(poolFile, pool);
    const bench: Bench = { plan, folder, pool, poolFile, generator, sink, url: `http://127.0.0.1:${port}` };
    const found: Found = { samples: [], exported: [] };
    for (let round = 0; round < plan.rounds; round++) {
      const { samples, exported } = await measureRound(bench, round);
      found.samples.push(...samples);
      found.exported.push(...exported);
      log(`round ${round + 1} of ${plan.rounds}`);
    }
    return found;
  } finally {
    generator.close();
    await stopProcess(sink);
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureRound(bench: Bench, round: number): Promise<Found> {
  const { plan, sink, url } = bench;
  const running = new Map<CaseId, Running>();
  const requests = new Map<CaseId, number>();
  const samples: Sample[] = [];
  const order = rotated(CASES, round);
  const load = async (one: Case, concurrency: number, warmMs: number, ms: number): Promise<Measured> => {
    const measured = await window(bench, running.get(one.id) as Running, one, { concurrency, warmMs, ms });
    requests.set(one.id, (requests.get(one.id) ?? 0) + measured.answers + (measured.warmed ?? 0));
    return measured;
  };
  try {
    for (const { id, env } of order) {
      running.set(id, await startRuntime(id, false, { ...bench, ...plan }, { env: env(`${url}/${id}`) }));
    }
    for (const one of order) {
      while ((requests.get(one.id) ?? 0) < WARM_ANSWERS) {
        await load(one, Math.max(...CONCURRENCIES), FIRST_WARM_MS, WARM_MS);
      }
    }
    for (const concurrency of CONCURRENCIES) {
      const windows = new Map<CaseId, Measured[]>(order.map(({ id }) => [id, []]));
      for (const one of [...order, ...order.toReversed()]) {
        windows.get(one.id)?.push(await load(one, concurrency, WARM_MS, (plan.seconds * 1_000) / 2));
      }
      for (const { id } of CASES) samples.push({ case: id, concurrency, round, ...together(windows.get(id) ?? []) });
    }
  } finally {
    // At its end a process sends the spans that it still has.
    await Promise.all([...running.values()].map((server) => server.stop()));
  }
  sink.send('counts');
  const [counts] = (await once(sink, 'message')) as [Counts];
  const exported = CASES.map(({ id }) => {
    return { case: id, round, requests: requests.get(id) ?? 0, spans: counts[`/${id}`] ?? 0 };
  });
  return { samples, exported };
}

/** @throws Error when a request fails: then there is nothing to compare */
async function window(
  { generator, pool, poolFile }: Bench,
  { pid, port }: Running,
  { title, headers }: Case,
  how: { concurrency: number; warmMs: number; ms: number },
): Promise<Measured> {
  const target = { host: '127.0.0.1', port, model: OWN_MODEL, output: pool.output, ...(headers && { headers }) };
  const measured = await generator.measure({ wire: 'oip-json', target, pool: poolFile, pid, predicts: true, ...how });
  const [failure] = Object.keys(measured.failures);
  if (failure !== undefined) throw new Error(`tracing '${title}': ${failure}`);
  return measured;
}

function together(windows: readonly Measured[]): Omit<Sample, 'case' | 'concurrency' | 'round'> {
  const sum = (of: (measured: Measured) => number | undefined) =>
    windows.reduce((total, measured) => total + (of(measured) ?? Number.NaN), 0);
  const mean = (of: (measured: Measured) => number | undefined) => sum(of) / windows.length;
  const answers = sum((measured) => measured.answers);
  return {
    answers,
    cpuMicros: (sum(({ cpuSeconds }) => cpuSeconds) / answers) * 1e6,
    p50: mean(({ p50 }) => p50),
    p99: mean(({ p99 }) => p99),
    generatorBusy: mean(({ generatorBusy }) => generatorBusy),
  };
}
