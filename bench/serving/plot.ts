/** Throughput and p99 of one concurrency of each model as an SVG of bars, written by hand. Pure. */
import type { Role } from './contenders.ts';
import { ratio, short } from './format.ts';
import type { Cell, Group } from './summary.ts';

export interface Bar {
  title: string;
  role: Role;
  cell: Cell;
}

export interface Panel {
  heading: string;
  bars: readonly Bar[];
}

const COLOURS: Readonly<Record<Role, string>> = {
  own: '#2f6db3',
  limit: '#9aa4b0',
  'by hand': '#6b7683',
  peer: '#c77d2e',
};
const WIDTH = 960;
const MARGIN = 24;
const ROW = 22;
const BAR = 13;
const HEAD = 46;
const TITLES = 200;
const LEFT = { x: MARGIN + TITLES, width: 330 };
const RIGHT = { x: LEFT.x + LEFT.width + 80, width: 230 };

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] as string);

const text = (x: number, y: number, words: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${more}>${escaped(words)}</text>`;

/** The panels of a plot: at this concurrency, what has a ratio; a loop without a server is off every scale. */
export function panelsOf(
  groups: readonly Group[],
  concurrency: number,
  about: (id: string) => { title: string; role: Role } | undefined,
): Panel[] {
  return groups
    .filter((group) => group.concurrency === concurrency)
    .map((group) => ({
      heading: `${group.model}, ${concurrency} requests in flight`,
      bars: group.cells.flatMap((cell) => {
        const known = about(cell.contender);
        return known && !Number.isNaN(cell.p99) ? [{ ...known, cell }] : [];
      }),
    }));
}

export function plot(panels: readonly Panel[], caption: string): string {
  let y = MARGIN;
  const blocks = panels.map((panel) => {
    const block = panelAt(panel, y);
    y += HEAD + panel.bars.length * ROW + MARGIN;
    return block;
  });
  const height = y + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escaped(caption)}">`,
    `<rect width="${WIDTH}" height="${height}" rx="10" fill="#ffffff"/>`,
    '<g fill="#1d2530">',
    ...blocks,
    text(MARGIN, height - 16, caption, ' font-size="11" fill="#6b7683"'),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function panelAt({ heading, bars }: Panel, top: number): string {
  const most = Math.max(...bars.map(({ cell }) => cell.ratios['by hand']?.high ?? 0), 1);
  const slowest = Math.max(...bars.map(({ cell }) => cell.p99));
  const fastest = Math.min(...bars.map(({ cell }) => cell.p99));
  const across = (value: number) => LEFT.x + (value / most) * LEFT.width;
  const bottom = top + HEAD + bars.length * ROW;
  const one = across(1).toFixed(1);
  return [
    text(MARGIN, top + 14, heading, ' font-weight="600" font-size="14"'),
    text(LEFT.x, top + 34, 'throughput, × fastify with one run a request', ' fill="#6b7683"'),
    text(RIGHT.x, top + 34, 'p99, ms (log scale)', ' fill="#6b7683"'),
    `<path d="M${one} ${top + HEAD - 6}V${bottom}" stroke="#c9d0d8" stroke-dasharray="3 3"/>`,
    ...bars.map((bar, index) => barAt(bar, top + HEAD + index * ROW, across, (p99) => logWidth(p99, fastest, slowest))),
  ].join('\n');
}

/** The fastest keeps a bar that can be seen. */
function logWidth(value: number, least: number, most: number): number {
  const floor = Math.log(least / 2);
  return ((Math.log(value) - floor) / (Math.log(most) - floor)) * RIGHT.width;
}

function barAt(
  { title, role, cell }: Bar,
  y: number,
  across: (value: number) => number,
  p99Width: (p99: number) => number,
): string {
  const fill = COLOURS[role];
  const rect = (x: number, width: number) =>
    `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(1, width).toFixed(1)}" height="${BAR}" rx="2" fill="${fill}"/>`;
  const base = y + BAR - 2;
  const throughput = cell.ratios['by hand'];
  const parts = [text(LEFT.x - 8, base, title, ' text-anchor="end"')];
  if (throughput) {
    const middle = y + BAR / 2;
    const [low, high] = [across(throughput.low).toFixed(1), across(throughput.high).toFixed(1)];
    parts.push(rect(LEFT.x, across(throughput.median) - LEFT.x));
    parts.push(
      `<path d="M${low} ${middle}H${high}M${low} ${middle - 3}v6M${high} ${middle - 3}v6" stroke="#1d2530" fill="none"/>`,
    );
    parts.push(text(across(throughput.high) + 6, base, ratio(throughput)));
  }
  const width = p99Width(cell.p99);
  parts.push(rect(RIGHT.x, width), text(RIGHT.x + width + 6, base, short(cell.p99)));
  return parts.join('\n');
}
