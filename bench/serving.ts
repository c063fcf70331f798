/**
 * What serving costs, beside its limits and its peers: `npm run bench -- --help`. How to read it: bench/README.md.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inspect } from 'node:util';
import { type Output, outputOf } from '../cli/output.ts';
import { PEERS } from './peers/catalogue.ts';
import { cacheFolder } from './peers/venv.ts';
import { BASE, type Contender } from './serving/contenders.ts';
import { type Flags, HELP, readFlags } from './serving/flags.ts';
import { duration } from './serving/format.ts';
import { liveness } from './serving/live.ts';
import { thisMachine } from './serving/machine.ts';
import { MODELS } from './serving/models/catalogue.ts';
import { liveBlock, pageWith, splitBlock } from './serving/page.ts';
import { panelsOf, plot } from './serving/plot.ts';
import { type Placement, placementOf } from './serving/processes.ts';
import { groupsOf, type Results } from './serving/results.ts';
import { concurrencyOf, type Outcome, type Plan, runPlan } from './serving/rounds.ts';
import { Progress, printTables } from './serving/screen.ts';
import { splitCost } from './serving/split.ts';
import { canReadUsage } from './serving/usage.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const PAGE = path.join(ROOT, 'docs/performance.md');
const PLOT = path.join(ROOT, 'docs/images/performance.svg');
/** What the plot shows of each model. */
const PLOTTED_CONCURRENCY = 16;

/** What is chosen by ids, or by their beginnings. @throws RangeError */
function chosen({ servers, peers }: Flags): Contender[] {
  const all: Contender[] = [...BASE, ...PEERS];
  if (!servers) return peers ? all : [...BASE];
  const unknown = servers.find((start) => !all.some(({ id }) => id.startsWith(start)));
  if (unknown) {
    throw new RangeError(`--servers: no server '${unknown}'; there are ${all.map(({ id }) => id).join(', ')}`);
  }
  return all.filter(({ id }) => servers.some((start) => id.startsWith(start)));
}

function told({ server, generator, serverCores }: Placement): string {
  if (!server) return `servers and load generator share ${serverCores} cores`;
  return `servers on core ${server.join(', ')}, load generator on core ${generator?.join(', ')}`;
}

function frameOf(flags: Flags, placement: Placement, contenders: readonly Contender[]): Omit<Results, keyof Outcome> {
  return {
    machine: thisMachine(new Date()),
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
    placement: told(placement),
    rounds: flags.rounds,
    seconds: flags.seconds,
    models: flags.models.map((id) => ({ id, title: MODELS[id].title, rows: MODELS[id].rows })),
    contenders: contenders.map(({ id, title, role, wire, settings }) => ({ id, title, role, wire, settings })),
  };
}

/** Of a turn: warming up, and the answers that are still under way at its end, seconds. */
const BESIDES = 0.5;

async function throughput(flags: Flags, placement: Placement, progress: Progress): Promise<Results> {
  const { rounds, seconds, concurrency } = flags;
  const models = flags.models.map((id) => MODELS[id]);
  const contenders = chosen(flags);
  const plan: Plan = { models, contenders, concurrency, rounds, seconds, placement };
  const turns = models.reduce((sum, model) => sum + concurrencyOf(plan, model).length * rounds * contenders.length, 0);
  const frame = frameOf(flags, placement, contenders);
  progress.log(`${turns} turns of ${seconds} s: ${duration(turns * (seconds + BESIDES))} or more`);
  const outcome = await runPlan(plan, {
    log: (line) => progress.log(line),
    turn: ({ model, concurrency, round, contender }) =>
      progress.turn(`${model}, ${concurrency} in flight, round ${round}: ${contender}`, turns, performance.now()),
    soFar: (soFar) => keep({ ...frame, ...soFar }),
  });
  return { ...frame, ...outcome };
}

/** What a run of hours has measured survives its end. */
function keep(results: Results): void {
  mkdirSync(cacheFolder('bench'), { recursive: true });
  writeFileSync(path.join(cacheFolder('bench'), 'last.json'), JSON.stringify(results));
}

const PAIRS = 20;
const LIVE_SECONDS = 30;

async function measured(flags: Flags, err: Output): Promise<Results> {
  const placement = placementOf(flags.cores);
  const progress = new Progress(err, performance.now());
  if (!canReadUsage) progress.log('CPU and memory are read from /proc: only on Linux');
  try {
    if (flags.only === 'throughput') return await throughput(flags, placement, progress);
    const frame: Results = { ...frameOf(flags, placement, []), samples: [], absences: [] };
    const log = (line: string) => progress.log(line);
    if (flags.only === 'live') return { ...frame, live: await liveness({ seconds: LIVE_SECONDS, placement }) };
    return { ...frame, split: await splitCost({ pairs: PAIRS, seconds: flags.seconds, placement }, log) };
  } finally {
    progress.end();
  }
}

function show(results: Results, out: Output): void {
  if (results.split) out.write(`${splitBlock(results, results.split)}\n`);
  else if (results.live) out.write(`${liveBlock(results, results.live)}\n`);
  else printTables(out, results);
}

async function write(results: Results): Promise<void> {
  await writeFile(PAGE, pageWith(await readFile(PAGE, 'utf8'), results));
  if (results.samples.length === 0) return;
  const about = new Map(results.contenders.map(({ id, title, role }) => [id, { title, role }]));
  const panels = panelsOf(groupsOf(results), PLOTTED_CONCURRENCY, (id) => about.get(id));
  const { date, cpu, cores } = results.machine;
  if (panels.length > 0) await writeFile(PLOT, plot(panels, `${date}, ${cpu}, ${cores} cores; ${results.placement}`));
}

async function main(): Promise<void> {
  const flags = readFlags(process.argv.slice(2));
  const out = outputOf(process.stdout);
  if (flags.help) return out.write(HELP);
  const results = flags.from
    ? (JSON.parse(await readFile(flags.from, 'utf8')) as Results)
    : await measured(flags, outputOf(process.stderr));
  if (flags.output === 'json') out.write(`${JSON.stringify(results, null, 2)}\n`);
  else show(results, out);
  if (flags.write) await write(results);
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof RangeError ? error.message : inspect(error)}\n`);
  process.exitCode = 1;
});
