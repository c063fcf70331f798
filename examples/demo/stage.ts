/** What the audience sees: a picture that is redrawn at a terminal, plain lines elsewhere. */
import { countText } from '../../cli/numbers.ts';
import { type Output, outputOf } from '../../cli/output.ts';
import { pictureLines } from '../../cli/rollout/lines.ts';
import type { RolloutView } from '../../cli/rollout/view.ts';
import { Screen } from '../../cli/screen.ts';
import type { DeploymentView, LocalEvent } from '../../local/snapshot.ts';
import type { Traffic } from './traffic.ts';

/** Events that tell the story; the rest is for `modelship run`. */
const STORY = /^(serving|version-(ready|crashed|failed|stopped)|rollout-.*|file-rejected)$/;

export class Stage {
  readonly #out: Output = outputOf(process.stdout);
  readonly #started = Date.now();
  readonly #screen: Screen | undefined;
  #view: DeploymentView | undefined;
  #traffic: Traffic | undefined;

  constructor() {
    if (this.#out.live) this.#screen = new Screen(process.stdout, (width) => this.#lines(width));
  }

  users(traffic: Traffic): void {
    this.#traffic = traffic;
  }

  /** A sentence of the one who shows it. */
  say(text: string): void {
    const line = `${this.#clock()} ${this.#out.paint('bold', text)}\n`;
    if (this.#screen) this.#screen.print(line);
    else this.#out.write(line);
  }

  event({ type, level, message }: LocalEvent): void {
    if (!STORY.test(type)) return;
    const style = level === 'info' ? 'dim' : level === 'warn' ? 'yellow' : 'red';
    const line = `${this.#clock()} ${this.#out.paint(style, message)}\n`;
    if (this.#screen) this.#screen.print(line);
    else this.#out.write(line);
  }

  show(view: DeploymentView | undefined): void {
    this.#view = view;
    this.#screen?.paint();
  }

  close(): void {
    this.#view = undefined;
    this.#screen?.close();
  }

  #lines(width: number): string[] {
    if (!this.#view) return [];
    const traffic = this.#traffic;
    const users = traffic && `users: ${countText(traffic.sent)} requests, ${countText(traffic.failed)} failed`;
    const { paint } = this.#out;
    const style = traffic?.failed ? 'red' : 'green';
    const picture = pictureLines(pictureOf(this.#view), { width, paint, now: Date.now() });
    return ['', ...picture, ...(users ? [paint(style, users)] : [])];
  }

  #clock(): string {
    return this.#out.paint('dim', `${((Date.now() - this.#started) / 1_000).toFixed(1).padStart(5)}s`);
  }
}

function pictureOf({ name, rollout, rolloutSpec, versions, waiting }: DeploymentView): RolloutView {
  return {
    name,
    rollout,
    spec: rolloutSpec,
    versions: versions.map(({ name: version, phase, goal, observed, cause }) => ({
      name: version,
      phase,
      wanted: goal,
      seen: observed,
      ready: phase === 'Ready' ? 1 : 0,
      replicas: 1,
      failure: cause,
    })),
    waiting,
  };
}
