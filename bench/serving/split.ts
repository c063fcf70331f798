/**
 * What a traffic table of 100/0 costs a request over no table at all: two processes, the same load in turn, CPU of the
 * server for each request.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TrafficTable } from '../../api/traffic-table.ts';
import { ALL } from '../../api/units.ts';
import { moveShares } from '../../core/split.ts';
import { OWN_MODEL, startRuntime } from './contenders.ts';
import { startGenerator } from './load/generator.ts';
import { MODELS } from './models/catalogue.ts';
import { makePool, writePool } from './models/pool.ts';
import type { Placement } from './processes.ts';
import type { Running, Turn } from './running.ts';
import { median, upperBound } from './statistics.ts';

export interface SplitCost {
  pairs: number;
  concurrency: number;
  seconds: number;
  /** Microseconds of CPU a request, medians: without a table, and with one. */
  bare: number;
  split: number;
  /** Share of extra CPU in each pair, 0.01: one per cent. */
  extra: number[];
  median: number;
  /** The 95 % upper bound of the median, by resampling. */
  bound: number;
}

const CONCURRENCY = 16;
const FIRST_WARM_MS = 3_000;
const WARM_MS = 50;
/** Two processes of the same code differ by what was compiled when: no pair of them speaks for all. */
const PAIRS_A_PROCESS = 2;
/** A shared machine changes its pace within a second: both are loaded by turns, this often in a pair. */
const SLICES = 10;

interface Plan {
  pairs: number;
  seconds: number;
  placement: Placement;
}

/** @throws Error when it can't be measured here */
export async function splitCost({ pairs, seconds, placement }: Plan, log: (line: string) => void): Promise<SplitCost> {
  const folder = await mkdtemp(path.join(tmpdir(), 'modelship-bench-'));
  const generator = startGenerator(placement);
  const running: Running[] = [];
  try {
    const pool = await makePool(MODELS.digits, log);
    const poolFile = path.join(folder, 'pool.bin');
    await writePool(poolFile, pool);
    const table = path.join(folder, 'traffic.json');
    await writeFile(table, JSON.stringify(hundredToNothing()));
    const order = { generator, wire: 'oip-json', poolFile, output: pool.output, concurrency: CONCURRENCY } as const;
    const all: [bare: number, split: number][] = [];
    while (all.length < pairs) {
      const context = { pool, placement, folder };
      const servers = [await startRuntime('plain', false, context), await startRuntime('split', false, context, table)];
      running.push(...servers);
      // Twice, so that both have served, rested and served again when they are compared: who has not rested yet costs a
      // fifth more a request.
      for (const server of [...servers, ...servers])
        await server.measure({ ...order, warmMs: FIRST_WARM_MS, ms: WARM_MS });
      for (let i = 0; i < PAIRS_A_PROCESS && all.length < pairs; i++) {
        const found = await pairOf(servers as [Running, Running], {
          ...order,
          warmMs: WARM_MS,
          ms: (seconds * 1_000) / SLICES,
        });
        all.push(found);
        log(
          `pair ${all.length} of ${pairs}: ${found[0].toFixed(1)} µs without, ${found[1].toFixed(1)} µs with a table`,
        );
      }
      await Promise.all(running.splice(0).map((server) => server.stop()));
    }
    return costOf(all, seconds);
  } finally {
    generator.close();
    await Promise.all(running.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

/** CPU a request of both, over slices; who goes first takes turns. */
async function pairOf(servers: readonly [Running, Running], turn: Turn): Promise<[number, number]> {
  const sums = servers.map(() => ({ seconds: 0, answers: 0 }));
  for (let slice = 0; slice < SLICES; slice++) {
    for (const which of slice % 2 === 0 ? [0, 1] : [1, 0]) {
      const { cpuSeconds, answers } = await (servers[which] as Running).measure(turn);
      if (cpuSeconds === undefined) throw new Error('the CPU of a process can be read on Linux only');
      const sum = sums[which] as (typeof sums)[number];
      sum.seconds += cpuSeconds;
      sum.answers += answers;
    }
  }
  return sums.map(({ seconds, answers }) => (seconds / answers) * 1e6) as [number, number];
}

export function costOf(all: readonly (readonly [bare: number, split: number])[], seconds: number): SplitCost {
  const extra = all.map(([bare, split]) => split / bare - 1);
  return {
    pairs: all.length,
    concurrency: CONCURRENCY,
    seconds,
    bare: median(all.map(([bare]) => bare)),
    split: median(all.map(([, split]) => split)),
    extra,
    median: median(extra),
    bound: upperBound(extra),
  };
}

/** Two versions, all to the first. Nobody is behind the second: nobody asks it. */
function hundredToNothing(): TrafficTable {
  const rows = moveShares(
    undefined,
    new Map([
      ['v1', ALL],
      ['v2', 0],
    ]),
  );
  return { model: OWN_MODEL, revision: 1, primary: 'v1', versions: rows.map((row) => ({ ...row, shadow: 0 })) };
}
