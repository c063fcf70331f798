/** What was measured, and how it is shown. Pure. */
import { short, withSpread } from '../serving/format.ts';
import type { Machine } from '../serving/machine.ts';
import { setting } from '../serving/page.ts';
import { median, spread } from '../serving/statistics.ts';
import { CASES, type Case } from './cases.ts';
import { CONCURRENCIES, type Found, type Sample } from './rounds.ts';

export interface Figures extends Found {
  machine: Machine;
  /** As typed. */
  command: string;
  /** Where the runtimes, the load and the sink ran. */
  placement: string;
  rounds: number;
  seconds: number;
}

const COMPARED = ['cpuMicros', 'p50', 'p99'] as const;
const HEADINGS = ['CPU µs', '× off', 'p50 ms', '× off', 'p99 ms', '× off', 'spans a request'];

/** At which the generator is taken to be what limits. */
const BUSY = 0.9;

/** Of Markdown, which a terminal shows as well. */
export function table(found: Found, concurrency: number): string {
  const rows = [
    [`${concurrency} in flight`, ...HEADINGS],
    ...CASES.map((one) => [one.title, ...cells(found, one, concurrency)]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]) =>
    `| ${row.map((text, at) => (at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, at) => `${'-'.repeat(width + 1)}${at === 0 ? '-' : ':'}`).join('|')}|`;
  const [headings = [], ...others] = rows;
  return [line(headings), rule, ...others.map(line)].join('\n');
}

function cells({ samples, exported }: Found, { id }: Case, concurrency: number): string[] {
  const of = (which: Case['id']) => samples.filter((one) => one.case === which && one.concurrency === concurrency);
  const own = of(id);
  const off = new Map(of('off').map((one) => [one.round, one]));
  const limited = median(own.map(({ generatorBusy }) => generatorBusy)) > BUSY ? ' *' : '';
  const compared = COMPARED.flatMap((what, at) => {
    const ratios = own.map((one) => one[what] / (off.get(one.round) as Sample)[what]);
    const value = short(median(own.map((one) => one[what])));
    return [at === 0 ? value + limited : value, id === 'off' ? '' : withSpread(spread(ratios))];
  });
  const spans = exported.filter((one) => one.case === id).map((one) => one.spans / one.requests);
  return [...compared, median(spans).toFixed(2)];
}

export function tables(found: Found): string {
  return CONCURRENCIES.map((concurrency) => table(found, concurrency)).join('\n\n');
}

export const NOTES = `Medians over rounds, and of the ratios within a round with their 95 % interval. Spans: those that arrived.
* the load generator used its core up: p50 and p99 are its own in part.`;

/** For docs/how-to/tracing.md. */
export function block(figures: Figures): string {
  const { rounds, seconds, command } = figures;
  return [
    setting(figures),
    `Medians of ${rounds} rounds of ${seconds} s, digits in JSON, by \`${command}\`.`,
    '',
    tables(figures),
  ].join('\n');
}
