/** A run at a terminal: what happened scrolls by above a table that is redrawn in place. */
import type { LocalEvent, Snapshot } from '../../local/snapshot.ts';
import { renderLines } from '../live-table.ts';
import type { Output } from '../output.ts';
import { Screen, type Terminal } from '../screen.ts';
import type { Reporter, Welcome } from './reporter.ts';
import { eventLine, farewellOf, stoppingText, welcomeText } from './words.ts';

const CLEAR_TO_END_OF_LINE = '\u001b[K';

export class LiveReporter implements Reporter {
  readonly #out: Output;
  readonly #screen: Screen;
  #snapshot: Snapshot;
  #footer = 'Ctrl-C drains and stops';

  constructor(out: Output, terminal: Terminal, first: Snapshot) {
    this.#out = out;
    this.#snapshot = first;
    this.#screen = new Screen(terminal, (width) => [
      '',
      ...renderLines(this.#snapshot, { width, paint: out.paint, footer: this.#footer }),
    ]);
    this.#screen.paint();
  }

  event(event: LocalEvent): void {
    this.#print(eventLine(event, clockTime(event.time), this.#out.paint, this.#out.width));
  }

  snapshot(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#screen.paint();
  }

  ready(welcomes: readonly Welcome[], watched: readonly string[]): void {
    this.#print(welcomeText(welcomes, watched, this.#out.paint));
  }

  stopping(_signal: string, again: number): void {
    this.#footer = stoppingText(again);
    this.#screen.paint();
  }

  close(last: Snapshot): void {
    this.#snapshot = last;
    this.#footer = '';
    this.#screen.close();
    this.#out.write(last.deployments.map((view) => `${farewellOf(view)}\n`).join(''));
  }

  /** What was under the words may be the echo of a key. */
  #print(text: string): void {
    this.#screen.print(text.replaceAll('\n', `${CLEAR_TO_END_OF_LINE}\n`));
  }
}

/** ISO time → the user's own clock, `05:21:28`. */
function clockTime(iso: string): string {
  return new Date(iso).toTimeString().slice(0, 8);
}
