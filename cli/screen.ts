/**
 * Lines that are redrawn in place at the bottom of a terminal, below words that scroll away upwards. The cursor is
 * hidden only inside one write, so that nothing is left to restore when the process is killed.
 */
import { visibleWidth } from './output.ts';

const ESC = '\u001b[';
const BEGIN = `${ESC}?2026h${ESC}?25l`;
const END = `${ESC}?25h${ESC}?2026l`;
const CLEAR_BELOW = `\r${ESC}J`;

/** The part of a terminal's stream that is used. */
export interface Terminal {
  columns?: number;
  rows?: number;
  write(text: string): unknown;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

export class Screen {
  readonly #terminal: Terminal;
  readonly #lines: (width: number) => string[];
  readonly #onResize = () => this.paint();
  #shown: string[] = [];
  #closed = false;

  /** @param lines what to show; none wider than the width, or the next painting misses its place */
  constructor(terminal: Terminal, lines: (width: number) => string[]) {
    this.#terminal = terminal;
    this.#lines = lines;
    terminal.on('resize', this.#onResize);
  }

  /** Shows the lines as they are now. */
  paint(): void {
    this.#draw('');
  }

  /** Prints text, ended by a newline, above the lines. */
  print(text: string): void {
    if (this.#closed) this.#terminal.write(text);
    else this.#draw(text);
  }

  /** The last state stays on the terminal; what comes next is written below it. */
  close(): void {
    if (this.#closed) return;
    this.paint();
    this.#closed = true;
    this.#terminal.off('resize', this.#onResize);
  }

  #draw(above: string): void {
    if (this.#closed) return;
    const { columns = 80, rows = 24 } = this.#terminal;
    const next = cut(this.#lines(columns), rows - 1);
    // Terminals wrap anew what is wider than they have become.
    const height = this.#shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(visibleWidth(line) / columns)), 0);
    const up = height > 0 ? `${ESC}${height}A` : '';
    const text = next.map((line) => `${line}\n`).join('');
    this.#terminal.write(`${BEGIN}${up}${CLEAR_BELOW}${above}${text}${END}`);
    this.#shown = next;
  }
}

function cut(lines: string[], rows: number): string[] {
  if (lines.length <= rows) return lines;
  const kept = Math.max(rows - 1, 0);
  return rows < 1 ? [] : [...lines.slice(0, kept), `… ${lines.length - kept} more lines`];
}
