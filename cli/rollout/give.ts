/** Gives a command to a walk, and waits until the one who walks has honoured it. */
import { type RolloutCommandName, rolloutCommandText } from '../../api/rollout-command.ts';
import type { RolloutStatus } from '../../api/status.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { assertSensible } from './command.ts';
import type { Hand } from './hand.ts';
import { type Pace, realPace } from './pace.ts';
import type { RolloutView } from './view.ts';
import { spanText } from './words.ts';

export interface GiveOptions {
  /** How long to wait for it to be honoured, ms; 0: not at all. */
  timeoutMs: number;
}

export interface Given {
  /** What was written. */
  text: string;
  /** As it was when the command was honoured; as it was before where nobody waited. */
  view: RolloutView;
}

/** @throws CliError when it makes no sense, or nobody honours it in time */
export async function give(
  hand: Hand,
  command: RolloutCommandName,
  { timeoutMs }: GiveOptions,
  pace: Pace = realPace,
): Promise<Given> {
  const before = await hand.read();
  const { id, step } = assertSensible(command, before);
  const text = rolloutCommandText(command, id, step, new Date(pace.now()).toISOString());
  await hand.send(text);
  if (timeoutMs === 0) return { text, view: before };
  const until = pace.now() + timeoutMs;
  for (;;) {
    const view = await hand.read();
    // A retry starts a walk of another id; it names what it honoured all the same.
    if (view.rollout?.honoured === text) return { text, view };
    if (view.rollout?.dropped === text) throw dropped(command, view);
    if (view.rollout && hasPassed(view.rollout, command, id, step)) throw overtaken(command, view, id, step);
    if (pace.now() >= until) throw unheard(command, hand, timeoutMs);
    await pace.wait(Math.min(hand.everyMs, until - pace.now()));
  }
}

/** Whether it will never be honoured: it named a walk and a step that are over. */
function hasPassed(now: RolloutStatus, command: RolloutCommandName, id: string, step: number): boolean {
  const anyStep = command === 'pause' || command === 'abort';
  return now.id !== id || (now.step !== step && !anyStep);
}

function overtaken(command: RolloutCommandName, { name, rollout }: RolloutView, id: string, step: number): CliError {
  const was = `${command} was for step ${step + 1} of the rollout ${id} of ${name}`;
  const is = rollout?.id === id ? 'that went on' : `${rollout?.id} has begun`;
  const message = `${was}, and ${is} before it was heard: look again, and say it again if it is still meant`;
  return new CliError(message, EXIT.failed, 'RolloutChanged');
}

function dropped(command: RolloutCommandName, { name, rollout }: RolloutView): CliError {
  const message = `${command} was dropped: the rollout of ${name} is ${rollout?.phase} (${rollout?.reason}) by now; look again`;
  return new CliError(message, EXIT.failed, 'RolloutChanged');
}

function unheard(command: RolloutCommandName, { honours }: Hand, ms: number): CliError {
  const message = `${command} is written, but was not honoured within ${spanText(ms)}: does ${honours} run? It is honoured when it comes back, if the rollout still stands at the same step; --timeout waits longer`;
  return new CliError(message, EXIT.failed, 'NotHonoured');
}
