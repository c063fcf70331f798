/** What a watch says: a picture that is redrawn, plain lines, or JSON. */
import type { RolloutStatus } from '../../api/status.ts';
import { oneLine } from '../cluster/words.ts';
import { percentText } from '../numbers.ts';
import { clip, type Output, type Paint, wrap } from '../output.ts';
import { Screen, type Terminal } from '../screen.ts';
import { pictureLines } from './lines.ts';
import type { Pace } from './pace.ts';
import type { RolloutView } from './view.ts';
import type { WatchReporter } from './watch.ts';
import { checkText, PHASE_STYLES, stepText, walkText } from './words.ts';

/** One JSON object a line for each change. */
export function jsonWatch(out: Output, pace: Pace): WatchReporter {
  return {
    show(view, changed) {
      if (changed) out.write(`${JSON.stringify({ time: new Date(pace.now()).toISOString(), ...view })}\n`);
    },
    close: () => {},
  };
}

/** One line for each thing that changed: the walk itself, the shares, each check's verdict. */
export function plainWatch(out: Output, pace: Pace): WatchReporter {
  let before: RolloutView | undefined;
  const say = (text: string) => out.write(`${out.paint('dim', new Date(pace.now()).toISOString())} ${text}\n`);
  return {
    show(view, changed, trouble) {
      if (trouble) say(out.paint('yellow', trouble));
      if (changed) for (const text of changeLines(before, view, out.paint)) say(text);
      before = view;
    },
    close(view, why) {
      if (why) say(`${view.name}: ${why}`);
    },
  };
}

/** What is new between two looks, a line each. */
export function changeLines(before: RolloutView | undefined, now: RolloutView, paint: Paint): string[] {
  const { name, rollout } = now;
  if (!rollout) return [`${name}: no rollout yet`];
  const was = before?.rollout;
  const begun = was?.id === rollout.id ? [] : [`${name}: rollout ${rollout.id}: ${walkText(rollout)}`];
  const stateNow = stateLine(rollout);
  const moved = was && was.id === rollout.id && stateLine(was) === stateNow ? [] : [paintedState(rollout, paint)];
  const shares = sharesLine(now);
  const split = before && sharesLine(before) === shares ? [] : [`wants ${shares}`];
  const checks = (rollout.checks ?? [])
    .filter(({ name: check, verdict }) => was?.checks?.find((each) => each.name === check)?.verdict !== verdict)
    .map((check) => `${check.verdict} ${oneLine(checkText(check))}`);
  return [...begun, ...[...moved, ...split, ...checks].map((text) => `${name}: ${text}`)];
}

function stateLine({ phase, reason, step, since }: RolloutStatus): string {
  return [phase, reason, step, since === undefined].join();
}

function paintedState(rollout: RolloutStatus, paint: Paint): string {
  const { phase, reason, message } = rollout;
  return `${paint(PHASE_STYLES[phase], phase)} (${reason}), ${stepText(rollout)}: ${oneLine(message)}`;
}

function sharesLine({ versions }: RolloutView): string {
  return versions.map(({ name, wanted }) => `${name} ${wanted === undefined ? '–' : percentText(wanted)}`).join(', ');
}

export interface LiveOptions {
  invoked: string;
  where: string;
}

/** The picture, redrawn in place. */
export class LiveWatch implements WatchReporter {
  readonly #screen: Screen;
  #view: RolloutView | undefined;
  #trouble: string | undefined;
  #footer = 'Ctrl-C stops looking; the rollout goes on';

  constructor(out: Output, terminal: Terminal, pace: Pace, { invoked, where }: LiveOptions) {
    const { paint } = out;
    this.#screen = new Screen(terminal, (width) => {
      if (!this.#view) return [];
      const trouble = this.#trouble ? wrap(this.#trouble, width).map((line) => paint('red', line)) : [];
      const lines = pictureLines(this.#view, { now: pace.now(), width, paint, invoked, where });
      return [...lines, ...trouble, ...(this.#footer ? [paint('dim', clip(this.#footer, width))] : [])];
    });
  }

  show(view: RolloutView, _changed: boolean, trouble: string | undefined): void {
    this.#view = view;
    this.#trouble = trouble;
    this.#screen.paint();
  }

  close(view: RolloutView, why: string | undefined): void {
    this.#view = view;
    this.#footer = why ?? '';
    this.#screen.close();
  }
}
