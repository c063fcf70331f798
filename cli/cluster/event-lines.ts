/** Events as a table whose messages are whole: they are what is looked for. Pure. */
import { type Output, type Paint, visibleWidth, wrap } from '../output.ts';
import { type Cell, type Column, table } from '../table.ts';
import type { EventRow } from './events.ts';
import { ageText, oneLine } from './words.ts';

export interface EventLineOptions extends Pick<Output, 'width'> {
  paint: Paint;
  /** Ms since 1970. */
  now: number;
  namespaces?: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: 'LAST' },
  { title: 'COUNT', align: 'right' },
  { title: 'TYPE' },
  { title: 'REASON' },
  { title: 'OBJECT' },
];

/** Where less is left beside the other columns, a message gets lines of its own. */
const MESSAGE_ROOM = 36;
const GAP = 2;

/** @returns one line an item; first the titles */
export function eventLines(events: readonly EventRow[], { width, paint, now, namespaces }: EventLineOptions): string[] {
  const columns = namespaces ? [{ title: 'NAMESPACE' }, ...COLUMNS] : COLUMNS;
  const rows = events.map((event): Cell[] => [
    ...(namespaces ? [event.namespace] : []),
    ageText(event.at, now),
    String(event.count),
    { text: event.type, style: event.type === 'Warning' ? 'yellow' : undefined },
    event.reason,
    `${event.kind}/${event.name}`,
  ]);
  const [titles = '', ...heads] = table(columns, rows, { paint, width });
  const column = Math.max(...[titles, ...heads].map(visibleWidth)) + GAP;
  const beside = width - column >= MESSAGE_ROOM;
  const lines = heads.flatMap((head, at) => {
    const text = oneLine(events[at]?.message ?? '');
    return beside ? besideLines(head, text, column, width) : belowLines(head, text, width);
  });
  return [beside ? `${padded(titles, column)}${paint('dim', 'MESSAGE')}` : titles, ...lines];
}

const padded = (text: string, width: number) => text + ' '.repeat(Math.max(0, width - visibleWidth(text)));

function besideLines(head: string, text: string, column: number, width: number): string[] {
  const [first = '', ...rest] = wrap(text, width - column);
  return [`${padded(head, column)}${first}`.trimEnd(), ...rest.map((line) => ' '.repeat(column) + line)];
}

function belowLines(head: string, text: string, width: number): string[] {
  return [head, ...wrap(text, Math.max(width - 4, 16)).map((line) => `    ${line}`)];
}
