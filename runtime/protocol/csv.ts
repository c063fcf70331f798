/** CSV (RFC 4180, with commas) → records of cells. Pure. */
import { isUtf8 } from 'node:buffer';
import { RequestError } from '../errors.ts';

/**
 * Records in order; blank lines are none. Lines end in LF or CRLF; a quoted cell may hold commas, line ends and "" for ".
 * @throws RequestError INVALID_REQUEST, naming the record, counted from 1
 */
export function readRecords(body: Buffer): string[][] {
  if (!isUtf8(body)) throw new RequestError('INVALID_REQUEST', 'the body is not UTF-8; CSV must be');
  const text = body.toString('utf8').replace(/^\uFEFF/, '');
  const records: string[][] = [];
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const line = text.slice(at, newline < 0 ? text.length : newline);
    if (line.includes('"')) {
      const { cells, next } = readQuoted(text, at, records.length + 1);
      records.push(cells);
      at = next;
      continue;
    }
    const plain = withoutReturn(line);
    if (plain.trim() !== '') records.push(plain.split(','));
    at += line.length + 1;
  }
  return records;
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

/** A record with quotes in it. @returns where the next one begins */
function readQuoted(text: string, start: number, record: number): { cells: string[]; next: number } {
  const cells: string[] = [];
  const refuse = (what: string) =>
    new RequestError('INVALID_REQUEST', `row ${record} of the CSV, cell ${cells.length + 1}: ${what}`);
  for (let at = start; ; ) {
    let end: number;
    if (text[at] === '"') {
      const quote = readQuotes(text, at);
      if (!quote) throw refuse('its quote is not closed');
      cells.push(quote.cell);
      end = text.startsWith('\r\n', quote.next) || text[quote.next] === '\r' ? quote.next + 1 : quote.next;
    } else {
      end = nextDelimiter(text, at);
      const cell = text.slice(at, end);
      if (cell.includes('"'))
        throw refuse('a quote stands inside of it; put the whole cell in quotes, and "" for each');
      cells.push(text[end] === ',' ? cell : withoutReturn(cell));
    }
    if (end >= text.length || text[end] === '\n') return { cells, next: end + 1 };
    if (text[end] !== ',') throw refuse('something follows its closing quote');
    at = end + 1;
  }
}

/** One search for either: two of them would look at the rest of the text again for each cell. */
function nextDelimiter(text: string, at: number): number {
  const delimiter = /[,\n]/g;
  delimiter.lastIndex = at;
  return delimiter.exec(text)?.index ?? text.length;
}

function readQuotes(text: string, open: number): { cell: string; next: number } | undefined {
  const parts: string[] = [];
  for (let at = open + 1; ; ) {
    const close = text.indexOf('"', at);
    if (close < 0) return undefined;
    parts.push(text.slice(at, close));
    if (text[close + 1] !== '"') return { cell: parts.join('"'), next: close + 1 };
    at = close + 2;
  }
}
