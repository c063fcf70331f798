/** Comma-separated values as spreadsheets and pandas write them (RFC 4180; `;` and tabs too). Pure. */
import { CliError, EXIT } from '../exit-codes.ts';

/** @returns its rows, all of one length @throws CliError when they are not, or a quote is not closed */
export function parseCsv(text: string): string[][] {
  const rows = splitRows(text.replace(/^\uFEFF/, '')).filter((row) => row.length > 1 || row[0] !== '');
  const [first, ...rest] = rows;
  for (const [index, row] of rest.entries()) {
    if (row.length === first?.length) continue;
    throw new CliError(`CSV row ${index + 2} has ${row.length} cells, the first has ${first?.length}`, EXIT.usage);
  }
  return rows;
}

function splitRows(text: string): string[][] {
  const separator = separatorOf(text);
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length) {
    const { cell, next } = readCell(text, at, separator);
    row.push(cell);
    at = next;
    if (text[at] === separator) {
      at++;
      if (at === text.length) row.push('');
      else continue;
    }
    if (text[at] === '\r') at++;
    if (text[at] === '\n') at++;
    rows.push(row);
    row = [];
  }
  return rows;
}

function separatorOf(text: string): string {
  const [firstLine = ''] = text.split(/\r?\n/, 1);
  if (firstLine.includes('\t')) return '\t';
  return firstLine.includes(',') || !firstLine.includes(';') ? ',' : ';';
}

/** The cell that starts here, and where it ends: at a separator, a line's end, or the end of the text. */
function readCell(text: string, start: number, separator: string): { cell: string; next: number } {
  if (text[start] === '"') return readQuoted(text, start);
  let next = start;
  while (next < text.length && text[next] !== separator && text[next] !== '\n' && text[next] !== '\r') next++;
  return { cell: text.slice(start, next).trim(), next };
}

function readQuoted(text: string, start: number): { cell: string; next: number } {
  let cell = '';
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] !== '"') cell += text[at];
    else if (text[at + 1] === '"') cell += text[at++];
    else return { cell, next: at + 1 };
  }
  throw new CliError('CSV: a quote is not closed', EXIT.usage);
}
