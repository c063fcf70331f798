/** Columns of text that fit a width: the least important columns go first, then the right edge. Pure. */
import { clip, type Paint, plainPaint, type Style } from './output.ts';

export interface Column {
  title: string;
  align?: 'left' | 'right';
  /** Columns with the highest number are dropped first where the width is short; 0, the default, never. */
  rank?: number;
  /** Least width, so that a column does not move as its numbers do. */
  min?: number;
}

export type Cell = string | { text: string; style: Style | undefined };

const GAP = 2;

export interface TableOptions {
  width?: number;
  paint?: Paint;
}

/** @param rows cells in the order of the columns @returns the title line and one line a row */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], options: TableOptions = {}) {
  const { width = Number.POSITIVE_INFINITY, paint = plainPaint } = options;
  const widths = columns.map(({ title, min = 0 }, at) =>
    Math.max(min, title.length, ...rows.map((row) => [...textOf(row[at])].length)),
  );
  const kept = fitting(columns, widths, width);
  const titles = columns.map(({ title }): Cell => ({ text: title, style: 'dim' }));
  return [titles, ...rows].map((row) => lineOf(row, columns, widths, kept, width, paint));
}

function fitting(columns: readonly Column[], widths: readonly number[], width: number): number[] {
  let kept = columns.map((_, at) => at);
  while (kept.reduce((sum, at) => sum + (widths[at] as number) + GAP, -GAP) > width) {
    const worst = kept.reduce((a, b) => (rankOf(columns[b]) >= rankOf(columns[a]) ? b : a));
    if (rankOf(columns[worst]) === 0) break;
    kept = kept.filter((at) => at !== worst);
  }
  return kept;
}

const rankOf = (column: Column | undefined): number => column?.rank ?? 0;
const textOf = (cell: Cell | undefined): string => (typeof cell === 'object' ? cell.text : (cell ?? ''));

function lineOf(
  row: readonly Cell[],
  columns: readonly Column[],
  widths: readonly number[],
  kept: readonly number[],
  width: number,
  paint: Paint,
): string {
  let line = '';
  let left = width;
  for (const [index, at] of kept.entries()) {
    const cell = row[at];
    const text = textOf(cell);
    const space = ' '.repeat((widths[at] as number) - [...text].length);
    const last = index === kept.length - 1;
    const before = (index > 0 ? ' '.repeat(GAP) : '') + (columns[at]?.align === 'right' ? space : '');
    const shown = clip(text, left - before.length);
    if (shown === '' && (text !== '' || last)) break;
    const style = typeof cell === 'object' ? cell.style : undefined;
    const after = columns[at]?.align === 'right' || last ? '' : space;
    line += before + (style && shown ? paint(style, shown) : shown) + after;
    left -= before.length + [...shown].length + after.length;
  }
  return line.trimEnd();
}
