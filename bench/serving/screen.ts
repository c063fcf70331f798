/** What a person sees while it runs, and the table at the end. */
import { clip, type Output } from '../../cli/output.ts';
import { duration } from './format.ts';
import { groupsOf, type Results, titlesOf } from './results.ts';
import { rowsOf, textTable } from './table.ts';

const ERASE_LINE = '\r\u001b[2K';

/** One line that is written over at a terminal; elsewhere only what is logged. */
export class Progress {
  readonly #out: Output;
  readonly #began: number;
  #done = 0;

  constructor(out: Output, began: number) {
    this.#out = out;
    this.#began = began;
  }

  log(line: string): void {
    this.#out.write(`${this.#out.live ? ERASE_LINE : ''}${line}\n`);
  }

  turn(what: string, total: number, now: number): void {
    this.#done++;
    if (!this.#out.live) return;
    const left = total === 0 ? '' : `${Math.min(99, Math.round((this.#done / total) * 100))} %`;
    const line = `${left.padStart(5)}  ${duration((now - this.#began) / 1_000)}  ${what}`;
    this.#out.write(`${ERASE_LINE}${this.#out.paint('dim', clip(line, this.#out.width - 1))}`);
  }

  end(): void {
    if (this.#out.live) this.#out.write(ERASE_LINE);
  }
}

export function printTables(out: Output, results: Results): void {
  const titles = titlesOf(results);
  const roles = new Map(results.contenders.map(({ title, role }) => [title, role]));
  const { machine, placement, rounds, seconds } = results;
  out.write(
    `${machine.cpu}, ${machine.cores} cores; ${placement}; ${rounds} rounds of ${seconds} s; Node ${machine.node}\n`,
  );
  for (const group of groupsOf(results)) {
    out.write(`\n${out.paint('bold', `${group.model}, ${group.concurrency} in flight`)}\n`);
    const rows = rowsOf(group, titles);
    const paint = (line: string, row: number) => {
      const cells = rows[row];
      if (!cells) return out.paint('dim', line);
      if (cells.length === 2) return out.paint('yellow', line);
      return roles.get(cells[0] as string) === 'own' ? out.paint('green', line) : line;
    };
    out.write(`${textTable(rows, paint)}\n`);
  }
  out.write(`\n${out.paint('dim', NOTES)}\n`);
}

const NOTES = `Medians over rounds; ratios of throughput within a round, with their 95 % interval. compute: the better of the two loops.
* the load generator used its core up: the server could do more.`;
