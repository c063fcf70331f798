/** A group of results as rows of text: for the terminal, and for Markdown. Pure. */
import { short, withSpread } from './format.ts';
import type { Cell, Group } from './summary.ts';

export const HEADINGS = [
  '',
  'requests/s',
  '× echo',
  '× by hand',
  '× compute',
  'p50 ms',
  'p99 ms',
  'CPU µs',
  'MiB',
  'failures',
] as const;

/** At which the generator is taken to be what limits. */
const BUSY = 0.9;

export function rowsOf({ cells, absences }: Group, titles: ReadonlyMap<string, string>): string[][] {
  const title = (id: string) => titles.get(id) ?? id;
  return [
    ...cells.map((cell) => cellRow(cell, title(cell.contender))),
    ...absences.map(({ contender, reason }) => [title(contender), `not measured: ${reason}`]),
  ];
}

function cellRow(cell: Cell, title: string): string[] {
  const { perSecond, ratios, p50, p99, cpuMicros, memoryMiB, failures, generatorBusy } = cell;
  const failed = Object.values(failures).reduce((sum, times) => sum + times, 0);
  const limited = generatorBusy !== undefined && generatorBusy > BUSY ? ' *' : '';
  return [
    title,
    short(perSecond.median) + limited,
    withSpread(ratios.echo),
    withSpread(ratios['by hand']),
    withSpread(ratios.compute),
    short(p50),
    short(p99),
    short(cpuMicros),
    memoryMiB === undefined ? '–' : memoryMiB.toFixed(0),
    String(failed),
  ];
}

/** Columns aligned; the first to the left. @param paint of a whole line, by the row's number (−1: the headings) */
export function textTable(rows: readonly string[][], paint: (line: string, row: number) => string): string {
  const full = [[...HEADINGS], ...rows.filter((row) => row.length === HEADINGS.length)];
  const widths = HEADINGS.map((_, column) => Math.max(...full.map((row) => (row[column] as string).length)));
  const line = (row: readonly string[]) =>
    row.length < HEADINGS.length
      ? `${(row[0] as string).padEnd(widths[0] as number)}  ${row.slice(1).join(' ')}`
      : row
          .map((text, at) => (at === 0 ? text.padEnd(widths[0] as number) : text.padStart(widths[at] as number)))
          .join('  ');
  return [[...HEADINGS], ...rows].map((row, at) => paint(line(row), at - 1)).join('\n');
}

export function markdownTable(rows: readonly string[][]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  const filled = (row: readonly string[]) => [...row, ...Array(HEADINGS.length - row.length).fill('')];
  return [
    line(HEADINGS),
    line(HEADINGS.map((_, at) => (at === 0 ? '---' : '---:'))),
    ...rows.map((row) => line(filled(row))),
  ].join('\n');
}
