/** `docs/performance.md` and others: each kind of run writes its own block and leaves the words around it alone. */
import { claimsOf, type Rivalry, rivalries } from './claims.ts';
import type { Liveness } from './live.ts';
import { groupsOf, type Results, titlesOf } from './results.ts';
import type { SplitCost } from './split.ts';
import { markdownTable, rowsOf } from './table.ts';
import type { WireId } from './wires/wires.ts';

export type Block = 'bench' | 'bench-split' | 'bench-live' | 'bench-apply' | 'bench-tracing';

/** @throws Error when the page has no such block */
export function withBlock(page: string, block: Block, content: string): string {
  const [begin, end] = [`<!-- ${block}: begin -->`, `<!-- ${block}: end -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page has no ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n${content.trim()}\n${page.slice(to)}`;
}

/** The page with what a run found in it; the plot beside it is another matter. */
export function pageWith(page: string, results: Results): string {
  if (results.split) return withBlock(page, 'bench-split', splitBlock(results, results.split));
  if (results.live) return withBlock(page, 'bench-live', liveBlock(results, results.live));
  return withBlock(page, 'bench', throughputBlock(results));
}

const MOST_EXTRA = 0.05;
const MOST_PROBE_MS = 50;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

export function splitBlock(
  results: Results,
  { pairs, seconds, concurrency, bare, split, median, bound }: SplitCost,
): string {
  const verdict = bound < MOST_EXTRA ? 'under' : '**not under**';
  return [
    setting(results),
    '',
    `${pairs} interleaved pairs of ${seconds} s, digits, JSON, ${concurrency} in flight, by \`${results.command}\`: ${bare.toFixed(1)} µs of CPU`,
    `a request without a table, ${split.toFixed(1)} µs with one of 100/0. Extra: ${percent(median)} (median), 95 % upper bound`,
    `${percent(bound)}, ${verdict} the ${percent(MOST_EXTRA)} that it may be.`,
  ].join('\n');
}

export function liveBlock(results: Results, { probes, p50, p99, most, answers, runMs, concurrency }: Liveness): string {
  const verdict = p99 <= MOST_PROBE_MS ? 'within' : '**not within**';
  return [
    setting(results),
    '',
    `${probes} probes of \`/v2/health/live\`, each on a new connection, while a model of ${runMs.toFixed(0)} ms a run had ${concurrency} requests in flight`,
    `(${answers} answered meanwhile), by \`${results.command}\`: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, the slowest ${most.toFixed(1)} ms;`,
    `${verdict} the ${MOST_PROBE_MS} ms that p99 may be.`,
  ].join('\n');
}

/** One line: where and when. */
export function setting({ machine, placement }: Pick<Results, 'machine' | 'placement'>): string {
  const { date, cpu, cores, memoryGiB, system, node, onnxruntime } = machine;
  return `Run of ${date}: ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}, ONNX Runtime ${onnxruntime}; ${placement}.`;
}

export function throughputBlock(results: Results): string {
  const groups = groupsOf(results);
  const titles = titlesOf(results);
  const { rounds, seconds, command, models, contenders } = results;
  return [
    setting(results),
    `Medians of ${rounds} rounds of ${seconds} s, by \`${command}\`.`,
    '',
    '![Throughput and p99](images/performance.svg)',
    '',
    '### What was asked, and what came out',
    '',
    claimTable(results),
    '',
    rivalText(rivalries(groups, wiresOfPeers(results)), titles),
    '',
    ...models.flatMap(({ id, title, rows }) => [
      `### ${title}`,
      '',
      `A request: ${rows}.`,
      '',
      ...groups
        .filter(({ model }) => model === id)
        .flatMap((group) => [`**${group.concurrency} in flight**`, '', markdownTable(rowsOf(group, titles)), '']),
    ]),
    '### How each was set up',
    '',
    ...contenders.map(({ title, settings }) => `- ${title}: ${settings}.`),
  ].join('\n');
}

function claimTable(results: Results): string {
  const claims = claimsOf(groupsOf(results));
  const said = (holds: boolean | undefined) => (holds === undefined ? 'not measured' : holds ? 'yes' : '**no**');
  const rows = claims.map(({ what, measured, holds }) => `| ${what} | ${measured} | ${said(holds)} |`);
  return ['| | measured | holds |', '| --- | --- | --- |', ...rows].join('\n');
}

const wiresOfPeers = ({ contenders }: Results): Map<string, WireId> =>
  new Map(
    contenders.flatMap(({ id, role, wire }) =>
      role === 'peer' && wire !== 'none' ? [[id, wire] as [string, WireId]] : [],
    ),
  );

/** The same kind of bytes on both sides; a ratio above 1 is ahead of the peer. */
export function rivalText(all: readonly Rivalry[], titles: ReadonlyMap<string, string>): string {
  if (all.length === 0) return 'No peer was measured in this run.';
  const peers = [...new Set(all.map(({ peer }) => peer))];
  const range = (values: readonly number[]) => `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`;
  const rows = peers.map((peer) => {
    const own = all.filter((one) => one.peer === peer);
    const cells = [titles.get(peer) ?? peer, range(own.map((one) => one.throughput)), range(own.map((one) => one.p99))];
    return `| ${cells.join(' | ')} |`;
  });
  const behind = all.filter(({ throughput, p99 }) => throughput < 1 || p99 < 1);
  const lines = behind.map(({ peer, model, concurrency, throughput, p99 }) => {
    const where = `${model}, ${concurrency} in flight, ${titles.get(peer) ?? peer}`;
    return `- ${where}: ${throughput.toFixed(2)} × its throughput, its p99 ${p99.toFixed(2)} × ours`;
  });
  return [
    'Against peers, over all models and concurrencies, the same kind of bytes on both sides:',
    '',
    '| peer | our throughput over its | its p99 over ours |',
    '| --- | --- | --- |',
    ...rows,
    '',
    behind.length === 0 ? 'Ahead of every peer everywhere, in throughput and in p99.' : 'Where this runtime is behind:',
    ...(behind.length === 0 ? [] : ['', ...lines]),
  ].join('\n');
}
