/** The rollout engine: where the walk stands next, and what is wanted now. Pure. */
import { sameJson } from '../equal.ts';
import { advance, holdEndOf, overdueAt } from './advance.ts';
import { mended, placed, remembering } from './begin.ts';
import { obeyed } from './commands.ts';
import { verdictsOf, windowOf } from './evidence.ts';
import { goalOf } from './goal.ts';
import { isWalking, type RolloutInput, type RolloutOutput, type RolloutStatus } from './model.ts';
import { sameShares } from './steps.ts';
import { type Walk, walkOf } from './walk.ts';
import { momentOf, splitWords } from './words.ts';

export function rollout(asked: RolloutInput): RolloutOutput {
  const input = { ...asked, state: remembering(asked.state, asked) };
  const { desired, state: before } = input;
  const settings = input.rollout;
  if (!settings) return { state: before && withoutWalk(before, input.target), goal: desired, waiting: [] };
  const target = placed(input, settings);
  if (!target) return { state: undefined, goal: desired, waiting: [] };
  const told = obeyed(isWalking(target) ? mended(target, input, settings) : target, input, settings);
  const walk = moved(walkOf(input, settings, told));
  const { state } = walk;
  if (state.phase === 'Completed') return { state, goal: desired, waiting: [] };
  const window = windowOf(walk);
  const wakeAt = wakeAtOf(walk);
  return {
    state,
    goal: goalOf(walk),
    waiting: waitingOf(walk),
    ...(wakeAt !== undefined && { wakeAt }),
    ...(window && { window }),
  };
}

/** Steps of equal shares are gone through at once; more moves than steps there can't be. */
function moved(walk: Walk): Walk {
  let here = walk;
  for (let moves = walk.steps.length + 8; moves > 0 && isWalking(here.state); moves--) {
    const state = advance(here);
    if (sameJson(state, here.state)) return here;
    here = walkOf(here.input, here.rollout, state);
  }
  return here;
}

/**
 * The spec has no rollout any more: the stated split takes effect, and nothing is remembered against it, nor for it: a target
 * that was not walked to the end is walked to when there is a rollout again.
 */
function withoutWalk(state: RolloutStatus, target: string): RolloutStatus {
  if (state.phase === 'Completed') return { ...state, target };
  const { since, window, approved, exits, promoted, ...rest } = { ...state, target };
  const message = 'the spec has no rollout any more: the stated split takes effect as soon as it is ready';
  return { ...rest, phase: 'Completed', reason: 'Promoted', message };
}

function waitingOf({ state, served }: Walk): string[] {
  if (isWalking(state)) return [state.message];
  return sameShares(state.from, served) ? [] : [`going back to ${splitWords(state.from)}`];
}

/** The next moment at which time alone changes something. */
function wakeAtOf(walk: Walk): number | undefined {
  const { state, steps, rollout, input } = walk;
  if (!isWalking(state)) return undefined;
  const going = state.phase === 'Progressing';
  const reached = momentOf(state.since) !== undefined;
  const moments = [
    going && reached ? holdEndOf(state, steps[state.step]) : undefined,
    going && reached ? overdueAt(walk) : undefined,
    going && !reached ? (momentOf(state.movedAt) ?? 0) + rollout.progressDeadlineMs : undefined,
    windowOf(walk) && verdictsOf(walk)?.nextAt,
  ].filter((at) => at !== undefined && at > input.now) as number[];
  return moments.length > 0 ? Math.min(...moments) : undefined;
}
