/**
 * Many histories under random faults: `npm run test:faults -- [--seeds 200] [--first 1] [--parallel 8] [--write]`.
 * Prints a line for each, and what was wrong with those that failed; `--write` puts the result into
 * docs/reliability.md. Exits with 1 when one did not end as it must.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import type { Access } from '../control-plane/access.ts';
import { call } from '../control-plane/access.ts';
import { startOwnControlPlane } from './control-plane.ts';
import { everyCut, runCut } from './cuts.ts';
import { type HistoryResult, referenceEnd, runHistory, type World } from './history.ts';
import { runKills } from './kills.ts';
import { inParallel } from './pool.ts';
import { type Summary, writeSummary } from './report-page.ts';
import { SHORT_HISTORY, WHOLE_HISTORY } from './scenario.ts';
import { runTakeOver } from './take-over.ts';
import { Tally } from './tally.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

interface Flags {
  seeds: number;
  first: number;
  parallel: number;
  write: boolean;
}

function flags(): Flags {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '200' },
      first: { type: 'string', default: '1' },
      parallel: { type: 'string', default: '8' },
      write: { type: 'boolean', default: false },
    },
  });
  const [seeds, first, parallel] = [values.seeds, values.first, values.parallel].map(Number) as [
    number,
    number,
    number,
  ];
  if (![seeds, first, parallel].every((n) => Number.isInteger(n) && n > 0)) {
    throw new RangeError('--seeds, --first and --parallel take whole numbers above 0');
  }
  return { seeds, first, parallel, write: values.write };
}

async function histories(world: World, { seeds, first, parallel }: Flags): Promise<HistoryResult[]> {
  say('seed     faults requests crashes   seconds  equal');
  const expected = await referenceEnd(world, 'whole', WHOLE_HISTORY);
  const numbers = Array.from({ length: seeds }, (_, index) => first + index);
  return inParallel(numbers, parallel, async (seed) => {
    const result = await runHistory(world, seed, WHOLE_HISTORY, expected);
    const { tally, crashes, seconds } = result;
    const row = [tally.faults, tally.requests, crashes].map((n) => String(n).padStart(8)).join(' ');
    say(`${String(seed).padEnd(6)} ${row} ${seconds.toFixed(1).padStart(9)}  ${isWell(result) ? 'yes' : 'NO'}`);
    if (!isWell(result)) say([...result.differences, ...result.violations, result.told].join('\n'));
    return result;
  });
}

const isWell = ({ differences, violations }: HistoryResult): boolean => differences.length + violations.length === 0;

interface Moments {
  cuts: number;
  kills: number;
  takeOverSeconds: number;
  leaseSeconds: number;
  failed: number;
}

async function moments(world: World, parallel: number): Promise<Moments> {
  const expected = await referenceEnd(world, 'short', SHORT_HISTORY);
  const cuts = await everyCut(world, true);
  const results = await inParallel(cuts, parallel, (cut) => runCut(world, cut, expected));
  const badCuts = results.filter(({ wrong }) => wrong.length > 0);
  for (const { where, nth, what, wrong, told } of badCuts) {
    say(`${where} of ${what}, number ${nth}:\n${wrong.join('\n')}\n${told}`);
  }
  const notMade = results.filter(({ made }) => !made).map(({ what, nth }) => `${what}, number ${nth}`);
  for (const what of notMade) say(`there was no ${what}`);
  say(`each request cut once: ${cuts.length - notMade.length} cuts, ${badCuts.length} ended otherwise`);
  const each = await runKills(world, expected);
  const alone = await inParallel(
    each.kills.map((_, index) => index + 1),
    2,
    (nth) => runKills(world, expected, nth),
  );
  const badKills = [each, ...alone].filter(({ wrong }) => wrong.length > 0);
  for (const { kills, wrong, told } of badKills) say(`killed after ${kills.at(-1)}:\n${wrong.join('\n')}\n${told}`);
  say(`killed after each write: ${each.kills.length} in a row and one by one, ${badKills.length} ended otherwise`);
  const over = await runTakeOver(world, expected);
  const bad = [...over.lateWrites, ...over.lateAttempts, ...over.wrong];
  if (bad.length > 0 || over.ledAgain) say(`the cut-off leader: ${bad.join('; ')}\n${over.told}`);
  say(`a leader cut off: the other had the next edit in force after ${over.seconds.toFixed(1)} s`);
  const failed = badCuts.length + badKills.length + (bad.length > 0 || over.ledAgain ? 1 : 0);
  return {
    cuts: cuts.length - notMade.length,
    kills: each.kills.length + alone.length,
    takeOverSeconds: over.seconds,
    leaseSeconds: over.leaseSeconds,
    failed,
  };
}

async function versionOf(access: Access): Promise<string> {
  return (JSON.parse((await call(access, 'GET', '/version')).text) as { gitVersion: string }).gitVersion;
}

async function main(): Promise<void> {
  const asked = flags();
  const { server, access } = await startOwnControlPlane({ nodes: 5 }, (line) => say(`control plane: ${line}`));
  await using _server = server;
  const folder = await mkdtemp(join(tmpdir(), 'modelship-faults-'));
  try {
    const world = { access, folder, prefix: 'faults' };
    const around = await moments(world, asked.parallel);
    const results = await histories(world, asked);
    const tally = new Tally();
    for (const result of results) tally.merge(result.tally);
    const unequal = results.filter((result) => !isWell(result)).length;
    const summary: Summary = {
      date: new Date().toISOString().slice(0, 10),
      seeds: `${asked.first} to ${asked.first + asked.seeds - 1}`,
      histories: results.length,
      unequal,
      crashes: results.reduce((sum, { crashes }) => sum + crashes, 0),
      requests: tally.requests,
      faults: Object.fromEntries([...tally.counts].sort(([, a], [, b]) => b - a)),
      seconds: median(results.map(({ seconds }) => seconds)),
      ...around,
      versions: { kubernetes: await versionOf(access), node: process.version, cores: cpus().length },
    };
    say(inspect(summary, { depth: null }));
    if (asked.write) await writeSummary(summary);
    if (unequal + around.failed > 0) process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof RangeError ? error.message : inspect(error)}\n`);
  process.exitCode = 1;
});
