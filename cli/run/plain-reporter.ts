/** A run in plain lines, for logs: one for each thing that happened, and now and then the numbers. */
import type { LocalEvent, Snapshot } from '../../local/snapshot.ts';
import type { Output } from '../output.ts';
import type { Reporter, Welcome } from './reporter.ts';
import { eventLine, farewellOf, stoppingText, summaryOf, welcomeText } from './words.ts';

const SUMMARY_EVERY_MS = 10_000;

export class PlainReporter implements Reporter {
  readonly #out: Output;
  #summarised: Snapshot | undefined;

  constructor(out: Output) {
    this.#out = out;
  }

  event(event: LocalEvent): void {
    this.#out.write(eventLine(event, event.time, this.#out.paint));
  }

  /** Time is the snapshots' own. */
  snapshot(snapshot: Snapshot): void {
    this.#summarised ??= snapshot;
    const ms = Date.parse(snapshot.time) - Date.parse(this.#summarised.time);
    if (ms < SUMMARY_EVERY_MS) return;
    for (const now of snapshot.deployments) {
      const before = this.#summarised.deployments.find(({ name }) => name === now.name);
      const message = summaryOf(before, now, ms / 1_000);
      if (message) this.#say(snapshot.time, `${now.name}: ${message}`);
    }
    this.#summarised = snapshot;
  }

  ready(welcomes: readonly Welcome[], watched: readonly string[]): void {
    this.#out.write(welcomeText(welcomes, watched, this.#out.paint));
  }

  stopping(signal: string, again: number): void {
    this.#say(new Date().toISOString(), `${signal}: ${stoppingText(again)}`);
  }

  close(last: Snapshot): void {
    for (const view of last.deployments) this.#say(last.time, farewellOf(view));
  }

  #say(time: string, message: string): void {
    const { paint } = this.#out;
    this.#out.write(`${paint('dim', time)} ${paint('dim', 'info ')} ${message}\n`);
  }
}
