/** The command line → what to run. */
import { parseArgs } from 'node:util';
import { MODEL_IDS, type ModelId } from './models/catalogue.ts';

export interface Flags {
  models: ModelId[];
  /** Undefined: what suits each model. */
  concurrency: number[] | undefined;
  /** Undefined: all that the run is for. */
  servers: string[] | undefined;
  peers: boolean;
  rounds: number;
  seconds: number;
  cores: 'apart' | 'together';
  output: 'table' | 'json';
  write: boolean;
  only: 'throughput' | 'split' | 'live';
  from: string | undefined;
  help: boolean;
}

export const HELP = `npm run bench -- [flags]

Throughput, latency, CPU and memory of this runtime beside its limits and its peers, interleaved.
Without flags: digits at concurrency 16, no peers, under two minutes.

  --full               all models, concurrencies and peers (installs peers the first time; takes hours)
  --models LIST        of ${MODEL_IDS.join(',')}
  --concurrency LIST   requests in flight, such as 1,16,64,256
  --servers LIST       ids, or the start of ids: modelship,echo,one-run,loop,mlserver,kserve,bentoml,ray,triton,fastapi
  --rounds N           rounds that count (5)
  --seconds S          of a turn (1.5; with --full 3)
  --cores MODE         apart: servers and load generator each on cores of their own; together: all on all (apart)
  --only WHAT          throughput, split (what 100/0 costs over no table), live (probes while a slow model is saturated)
  --output FORMAT      table, json
  --from FILE          shows the results of a file that --output json wrote, runs nothing
  --write              writes docs/performance.md and docs/images/performance.svg
`;

/** @throws RangeError that names the flag and what it takes */
export function readFlags(args: readonly string[]): Flags {
  const values = parsed(args);
  const full = values.full ?? false;
  const servers = values.servers?.split(',').filter(Boolean);
  return {
    models: values.models ? oneOf(values.models.split(','), MODEL_IDS, '--models') : full ? [...MODEL_IDS] : ['digits'],
    concurrency: values.concurrency
      ? numbers(values.concurrency, '--concurrency', Number.isInteger)
      : full
        ? undefined
        : [16],
    servers,
    peers: full || servers !== undefined,
    rounds: one(values.rounds ?? '5', '--rounds', Number.isInteger),
    seconds: one(values.seconds ?? (full ? '3' : '1.5'), '--seconds', Number.isFinite),
    cores: only(values.cores ?? 'apart', ['apart', 'together'] as const, '--cores'),
    output: only(values.output ?? 'table', ['table', 'json'] as const, '--output'),
    write: values.write ?? false,
    only: only(values.only ?? 'throughput', ['throughput', 'split', 'live'] as const, '--only'),
    from: values.from,
    help: values.help ?? false,
  };
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const yes = { type: 'boolean' } as const;
  const options = {
    ...{ full: yes, write: yes, help: yes, models: text, concurrency: text, servers: text, rounds: text },
    ...{ seconds: text, cores: text, output: text, only: text, from: text },
  };
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    throw new RangeError((error as Error).message);
  }
}

function oneOf<T extends string>(given: readonly string[], known: readonly T[], flag: string): T[] {
  return given.map((value) => only(value, known, flag));
}

function only<T extends string>(value: string, known: readonly T[], flag: string): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw new RangeError(`${flag} takes ${known.join(', ')}, not '${value}'`);
  return found;
}

function numbers(text: string, flag: string, valid: (value: number) => boolean): number[] {
  return text.split(',').map((value) => one(value, flag, valid));
}

function one(text: string, flag: string, valid: (value: number) => boolean): number {
  const value = Number(text);
  if (text.trim() === '' || !valid(value) || value <= 0)
    throw new RangeError(`${flag}: '${text}' is no number above 0 that fits`);
  return value;
}
