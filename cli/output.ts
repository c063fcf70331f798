/** Where words go: a stream with its width and its colours. */
import { stripVTControlCharacters, styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

export interface Output {
  write(text: string): void;
  /** Whether a person at a terminal that can be redrawn reads it. */
  readonly live: boolean;
  /** Columns; 120 where there is no terminal. */
  readonly width: number;
  readonly paint: Paint;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The part of a stream that counts here. */
export interface Sink {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** `NO_COLOR` and `FORCE_COLOR=0` say no, any other `FORCE_COLOR` says yes, and else a terminal has colours. */
export function wantsColor(isTTY: boolean, env: Environment): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = env;
  if (NO_COLOR || FORCE_COLOR === '0' || FORCE_COLOR === 'false') return false;
  if (FORCE_COLOR) return true;
  return isTTY && TERM !== 'dumb';
}

export const plainPaint: Paint = (_style, text) => text;
export const colorPaint: Paint = (style, text) => styleText(style, text, { validateStream: false });

export function outputOf(sink: Sink, env: Environment = process.env): Output {
  const isTTY = sink.isTTY === true;
  return {
    write: (text) => void sink.write(text),
    live: isTTY && env.TERM !== 'dumb',
    get width() {
      return isTTY ? (sink.columns ?? 80) : 120;
    },
    paint: wantsColor(isTTY, env) ? colorPaint : plainPaint,
  };
}

/** Columns that the text takes at a terminal, colours aside. */
export function visibleWidth(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** Cuts text without colours to a width, with an ellipsis. */
export function clip(text: string, width: number): string {
  const letters = [...text];
  if (letters.length <= width) return text;
  return width < 1 ? '' : `${letters.slice(0, width - 1).join('')}…`;
}

/**
 * Breaks text without colours at blanks.
 * @param longWords what becomes of a word wider than the line: cut into pieces, or left whole, such as a path to copy
 */
export function wrap(text: string, width: number, longWords: 'cut' | 'keep' = 'cut'): string[] {
  const lines: string[] = [];
  let line = '';
  const add = (word: string) => {
    if (line && visibleWidth(line) + 1 + visibleWidth(word) > width) {
      lines.push(line);
      line = '';
    }
    line = line ? `${line} ${word}` : word;
  };
  for (const word of text.split(/\s+/)) {
    if (longWords === 'keep') add(word);
    else for (let rest = [...word]; rest.length > 0; rest = rest.slice(width)) add(rest.slice(0, width).join(''));
  }
  return line ? [...lines, line] : lines;
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
