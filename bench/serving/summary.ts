/** Samples → what is said of each contender at each concurrency of each model. Pure. */
import type { ModelId } from './models/catalogue.ts';
import type { Absence, Sample } from './rounds.ts';
import { median, type Spread, spread } from './statistics.ts';

/** What others are compared with, in the same round. `compute`: the better of the two loops. */
export const BASELINES = {
  echo: ['echo-same'],
  'by hand': ['one-run'],
  compute: ['loop', 'loop-batched'],
} as const satisfies Record<string, readonly string[]>;
export type Baseline = keyof typeof BASELINES;

export interface Cell {
  contender: string;
  /** Requests a second: medians over rounds, like all that follows. */
  perSecond: Spread;
  /** Throughput over that of a baseline in the same round. */
  ratios: Partial<Record<Baseline, Spread>>;
  /** Median latency over the echo's. */
  p50Ratio?: Spread;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** CPU of the server for a request, microseconds. */
  cpuMicros?: number;
  memoryMiB?: number;
  failures: Record<string, number>;
  /** Cores that the generator used. Above 0.9 it was the limit, not the server. */
  generatorBusy?: number;
  rounds: number;
}

export interface Group {
  model: ModelId;
  concurrency: number;
  cells: Cell[];
  absences: Absence[];
}

/** Groups in the order in which they were measured; contenders in the given order. */
export function summarise(samples: readonly Sample[], absences: readonly Absence[], order: readonly string[]): Group[] {
  const keys = [...new Set(samples.map(({ model, concurrency }) => `${model} ${concurrency}`))];
  return keys.map((key) => {
    const [model, concurrency] = [key.split(' ')[0] as ModelId, Number(key.split(' ')[1])];
    const own = samples.filter((sample) => sample.model === model && sample.concurrency === concurrency);
    const rounds = byRound(own);
    const present = order.filter((id) => own.some(({ contender }) => contender === id));
    return {
      model,
      concurrency,
      cells: present.map((id) => cellOf(id, rounds)),
      absences: absences.filter((one) => one.model === model && (one.concurrency ?? concurrency) === concurrency),
    };
  });
}

type Round = Map<string, Sample>;

function byRound(samples: readonly Sample[]): Round[] {
  const rounds = new Map<number, Round>();
  for (const sample of samples) {
    const round = rounds.get(sample.round) ?? new Map<string, Sample>();
    rounds.set(sample.round, round.set(sample.contender, sample));
  }
  return [...rounds.values()];
}

function cellOf(id: string, rounds: readonly Round[]): Cell {
  const own = rounds.flatMap((round) => round.get(id) ?? []);
  const middle = (of: (sample: Sample) => number | undefined) => {
    const values = own.map(of).filter((value) => value !== undefined);
    return values.length > 0 ? median(values) : undefined;
  };
  const cpuMicros = middle(({ cpuSeconds, answers }) => cpuSeconds && (cpuSeconds / answers) * 1e6);
  const memory = middle((sample) => sample.memory);
  const generatorBusy = middle((sample) => sample.generatorBusy);
  const p50Ratio = spreadOver(id, BASELINES.echo, rounds, (own, base) => own.p50 / base.p50);
  return {
    contender: id,
    perSecond: spread(own.map(({ perSecond }) => perSecond)),
    ratios: ratiosOf(id, rounds),
    ...(p50Ratio && { p50Ratio }),
    p50: middle(({ p50 }) => p50) ?? Number.NaN,
    p99: middle(({ p99 }) => p99) ?? Number.NaN,
    ...(cpuMicros !== undefined && { cpuMicros }),
    ...(memory !== undefined && { memoryMiB: memory / 2 ** 20 }),
    failures: added(own.map(({ failures }) => failures)),
    ...(generatorBusy !== undefined && { generatorBusy }),
    rounds: own.length,
  };
}

function ratiosOf(id: string, rounds: readonly Round[]): Partial<Record<Baseline, Spread>> {
  const names = Object.keys(BASELINES) as Baseline[];
  return Object.fromEntries(
    names.flatMap((name) => {
      const ratio = spreadOver(id, BASELINES[name], rounds, (own, base) => own.perSecond / base.perSecond);
      return ratio ? [[name, ratio]] : [];
    }),
  );
}

/** Of pairs from the same round; of several baselines, the one of the highest throughput. */
function spreadOver(
  id: string,
  baselines: readonly string[],
  rounds: readonly Round[],
  ratio: (own: Sample, base: Sample) => number,
): Spread | undefined {
  const values = rounds.flatMap((round) => {
    const own = round.get(id);
    const bases = baselines.flatMap((base) => round.get(base) ?? []);
    const best = bases.toSorted((a, b) => b.perSecond - a.perSecond)[0];
    return own && best ? [ratio(own, best)] : [];
  });
  return values.length > 0 ? spread(values) : undefined;
}

function added(all: readonly Record<string, number>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of all) for (const [why, times] of Object.entries(one)) sums[why] = (sums[why] ?? 0) + times;
  return sums;
}
