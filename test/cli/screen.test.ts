import { describe, expect, it } from 'vitest';
import { Screen } from '../../cli/screen.ts';

/** As much of a terminal as the painter uses: lines, a cursor, and wrapping anew when it is resized. */
class FakeTerminal {
  columns = 40;
  rows = 10;
  cursorShown = true;
  writes = 0;
  readonly #listeners = new Set<() => void>();
  /** Each line as it was written; the cursor is at the start of the one after the last, or above by `#up`. */
  #lines: string[] = [''];
  #row = 0;

  write(text: string): void {
    this.writes++;
    const [plain = '', ...escaped] = text.split('\u001b');
    for (const letter of plain) this.#take(letter);
    for (const part of escaped) {
      const [sequence = ''] = /^\[\??[0-9]*[A-Za-z]/.exec(part) ?? [];
      this.#take(`\u001b${sequence}`);
      for (const letter of part.slice(sequence.length)) this.#take(letter);
    }
  }

  on(_event: 'resize', listener: () => void): void {
    this.#listeners.add(listener);
  }

  off(_event: 'resize', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  resize(columns: number, rows = this.rows): void {
    this.#wrapAnew(columns);
    Object.assign(this, { columns, rows });
    for (const listener of this.#listeners) listener();
  }

  get text(): string {
    return this.#lines.join('\n');
  }

  #take(token: string): void {
    if (token === '\n') this.#lines[++this.#row] ??= '';
    else if (token === '\r') return;
    else if (token === '\u001b[?25l' || token === '\u001b[?25h') this.cursorShown = token.endsWith('h');
    else if (token.startsWith('\u001b[?')) return;
    else if (token.endsWith('A') && token.startsWith('\u001b'))
      this.#row = Math.max(0, this.#row - Number.parseInt(token.slice(2), 10));
    else if (token === '\u001b[J') this.#lines.splice(this.#row, this.#lines.length, '');
    else if (!token.startsWith('\u001b')) this.#lines[this.#row] += token;
  }

  #wrapAnew(columns: number): void {
    this.#lines = this.#lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, 'g')) ?? ['']);
    this.#row = this.#lines.length - 1;
  }
}

describe('the painter', () => {
  it('redraws in place, also when there is less to show', () => {
    const terminal = new FakeTerminal();
    let lines = ['a 1', 'b 1', 'c 1'];
    const screen = new Screen(terminal, () => lines);
    screen.paint();
    lines = ['a 2', 'b 2'];
    screen.paint();
    expect(terminal.text).toBe('a 2\nb 2\n');
  });

  it('prints above the lines', () => {
    const terminal = new FakeTerminal();
    const screen = new Screen(terminal, () => ['table']);
    screen.paint();
    screen.print('first\n');
    screen.print('second\n');
    expect(terminal.text).toBe('first\nsecond\ntable\n');
  });

  it('leaves nothing behind when the window becomes narrower', () => {
    const terminal = new FakeTerminal();
    const screen = new Screen(terminal, (width) => ['x'.repeat(width), 'end']);
    screen.print('above\n');
    terminal.resize(12);
    terminal.resize(5);
    expect(terminal.text).toBe('above\nxxxxx\nend\n');
  });

  it('shows no more lines than there are rows', () => {
    const terminal = new FakeTerminal();
    terminal.rows = 4;
    new Screen(terminal, () => ['1', '2', '3', '4', '5']).paint();
    expect(terminal.text).toBe('1\n2\n… 3 more lines\n');
  });

  it('leaves the last state, the cursor and no listener', () => {
    const terminal = new FakeTerminal();
    let state = 'running';
    const screen = new Screen(terminal, () => [state]);
    screen.paint();
    expect(terminal.cursorShown).toBe(true);
    state = 'stopped';
    screen.close();
    screen.close();
    screen.paint();
    screen.print('bye\n');
    expect(terminal.text).toBe('stopped\nbye\n');
    expect(terminal.cursorShown).toBe(true);
    expect(terminal.listeners).toBe(0);
  });

  it('hides the cursor only inside a write: a killed process leaves it shown', () => {
    const writes: string[] = [];
    const terminal = Object.assign(new FakeTerminal(), { write: (text: string) => writes.push(text) });
    new Screen(terminal, () => ['x']).paint();
    expect(writes).toHaveLength(1);
    expect(writes[0]?.indexOf('\u001b[?25l')).toBeLessThan(writes[0]?.indexOf('x') ?? -1);
    expect(writes[0]?.indexOf('\u001b[?25h')).toBeGreaterThan(writes[0]?.indexOf('x') ?? -1);
  });
});
