/**
 * What the rollout engine is told and what it answers. The engine stands before the planner: it turns what the spec
 * asks for in the end into what is wanted now, and `core/plan.ts` gets there in the safe order.
 *
 * What a walk knows is its `RolloutStatus`, JSON. Whoever runs the engine stores a state that has changed BEFORE acting on
 * it: a process that is killed in between repeats a step and never goes back one.
 *
 * What the hands owe the engine:
 * - `desired` has the stated shares. An elastic version has `max`: `needed` is then worked out here, for the share of each
 *   step, and for the next step's while one is held. `size` is what the spec says; what must not shrink is kept here.
 * - Every version that serves is among `desired.versions`, as `dropped` where the spec has it no more, and `observed`
 *   says of each whether it exists. One that the engine names in `goal` with a share has to run, whoever listed it.
 * - A listed version that the goal has as `dropped` was taken back: it retires, and does not run until it is in a goal again.
 *   Once it is gone, goals leave it out.
 * - `verdicts` come as soon as the window that was asked for has been looked at, also when nothing could be counted: then
 *   they are Inconclusive. Without any look a step waits and the deadline does not run; it runs from `verdicts.since`, which
 *   for a process that took over is when that process began to look.
 */
import type { EffectiveRollout } from '../../api/effective.ts';
import type { RolloutCommand } from '../../api/rollout-command.ts';
import type { RolloutStatus } from '../../api/status.ts';
import type { Verdicts } from '../analysis/model.ts';
import { sameJson } from '../equal.ts';
import type { Desired, Observed } from '../model.ts';

export type { RolloutStatus } from '../../api/status.ts';

export interface RolloutInput {
  /** Undefined where the spec has none: a walk under way ends, and the stated split takes effect as ever. */
  rollout: EffectiveRollout | undefined;
  /** What the spec asks for in the end. Versions that are no longer listed and still exist come as `dropped`. */
  desired: Desired;
  observed: Observed;
  /** Hash of what is asked for: 8 hexadecimal digits of the SHA-256 of `targetText`. */
  target: string;
  /** As it was stored last. */
  state: RolloutStatus | undefined;
  /** Of the window that was asked for last, if there are any; those of another are ignored. */
  verdicts: Verdicts | undefined;
  command: RolloutCommand | undefined;
  /** ms since 1970. */
  now: number;
}

export interface RolloutOutput {
  /** To be stored before `goal` is acted upon. Undefined where nothing was ever walked. */
  state: RolloutStatus | undefined;
  /** What the planner is asked for now. */
  goal: Desired;
  /** What is waited for, in sentences; empty when the walk is over. */
  waiting: string[];
  /** When to ask again though nothing has happened, ms since 1970. */
  wakeAt?: number;
  /** The window of analysis that is open now; absent while there is nothing to analyse. */
  window?: OpenWindow;
}

/** Whose evidence is to be gathered, and how. */
export interface OpenWindow {
  id: string;
  step: number;
  window: number;
  /** When the step came into force, ms since 1970. */
  since: number;
  stable: string;
  canaries: readonly string[];
}

/** Whether a walk is under way. */
export function isWalking(
  state: RolloutStatus | undefined,
): state is RolloutStatus & { phase: 'Progressing' | 'Paused' } {
  return state?.phase === 'Progressing' || state?.phase === 'Paused';
}

/**
 * Whether a state has to be stored before it is acted upon. Numbers, words, and what a walk under way is waiting for can
 * wait: they come again. Why it stands still or has ended does not.
 */
export function decidesAnew(before: RolloutStatus | undefined, after: RolloutStatus | undefined): boolean {
  return !sameJson(before && decided(before), after && decided(after));
}

function decided(state: RolloutStatus): Partial<RolloutStatus> {
  const { checks, message, reason, ...rest } = state;
  return state.phase === 'Progressing' ? rest : { ...rest, reason };
}
