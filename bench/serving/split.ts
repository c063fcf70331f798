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
const FIRST_WARM_MS = 2_000;
const WARM_MS = 50;
/**
 * Two processes of the same code differ by what was compiled when, so no two of them speak for all. And of two that are
 * loaded by turns the second costs up to a fifth more here, whoever it is: a pair is the geometric mean of two sets of
 * processes, with the table at the one and at the other.
 */
const PAIRS_A_SET = 2;
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
    const measureSet = async (swapped: boolean): Promise<[number, number][]> => {
      const context = { pool, placement, folder };
      const tables = swapped ? [table, undefined] : [undefined, table];
      for (const [at, each] of tables.entries())
        running.push(await startRuntime(`process-${at}`, false, context, { table: each }));
      const servers = swapped ? running.toReversed() : [...running];
      for (const server of running) await server.measure({ ...order, warmMs: FIRST_WARM_MS, ms: WARM_MS });
      const turn = { ...order, warmMs: WARM_MS, ms: (seconds * 1_000) / SLICES };
      const found: [number, number][] = [];
      while (found.length < PAIRS_A_SET) found.push(await pairOf(running, servers, turn));
      await Promise.all(running.splice(0).map((server) => server.stop()));
      return found;
    };
    while (all.length < pairs) {
      const [straight, swapped] = [await measureSet(false), await measureSet(true)];
      for (const [at, [bare, split]] of straight.entries()) {
        const [otherBare, otherSplit] = swapped[at] as [number, number];
        const pair: [number, number] = [Math.sqrt(bare * otherBare), Math.sqrt(split * otherSplit)];
        all.push(pair);
        log(`pair ${all.length} of ${pairs}: ${pair[0].toFixed(1)} µs without, ${pair[1].toFixed(1)} µs with a table`);
      }
    }
    return costOf(all, seconds);
  } finally {
    generator.close();
    await Promise.all(running.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * CPU a request of both, over slices.
 * @param turns who is loaded, in turn, first and last exchanged from slice to slice
 * @param servers without a table, and with one
 */
async function pairOf(turns: readonly Running[], servers: readonly Running[], turn: Turn): Promise<[number, number]> {
  const sums = new Map(servers.map((server) => [server, { seconds: 0, answers: 0 }]));
  for (let slice = 0; slice < SLICES; slice++) {
    for (const server of slice % 2 === 0 ? turns : turns.toReversed()) {
      const { cpuSeconds, answers } = await server.measure(turn);
      if (cpuSeconds === undefined) throw new Error('the CPU of a process can be read on Linux only');
      const sum = sums.get(server) as { seconds: number; answers: number };
      sum.seconds += cpuSeconds;
      sum.answers += answers;
    }
  }
  return [...sums.values()].map(({ seconds, answers }) => (seconds / answers) * 1e6) as [number, number];
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
