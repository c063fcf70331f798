/** One move of a walk that is under way: the first thing that can be said of it. The caller asks again until nothing changes. */
import { sameJson } from '../equal.ts';
import type { Desired, Observed } from '../model.ts';
import { checkFailure, inconclusive, isPassed, isStuck, verdictsOf, withChecks } from './evidence.ts';
import { type Failure, failureOf, lateness, shortageOf } from './gates.ts';
import { goalOf } from './goal.ts';
import type { RolloutStatus } from './model.ts';
import { type Step, sameShares } from './steps.ts';
import { analysisOf, isPromoted, type Walk } from './walk.ts';
import { cut, durationWords, iso, momentOf, splitWords, stepWords } from './words.ts';

export function advance(walk: Walk): RolloutStatus {
  const { state } = walk;
  if (isStuck(state)) return state;
  const failure = failureOf(walk) ?? checkFailure(walk);
  if (failure) return failed(walk, failure);
  if (state.phase === 'Paused' && state.reason !== 'ApprovalRequired') return withChecks(walk);
  if (momentOf(state.since) === undefined) return reach(walk);
  return leftStep(walk) ? again(walk) : judge(walk);
}

/** The walk ends where it came from, or stands still. */
function failed(walk: Walk, { reason, message }: Failure): RolloutStatus {
  const state = withChecks(walk);
  if (walk.rollout.onFailure === 'Pause') return { ...state, phase: 'Paused', reason, message: cut(message) };
  const back = `; back to ${splitWords(state.from)}`;
  return { ...state, phase: 'RolledBack', reason, message: cut(message, 1900) + cut(back, 140) };
}

/**
 * Whether something else than the step's shares is served though it was in force: the steps were edited, or the table, or all
 * is being started again.
 */
function leftStep({ shares, served }: Walk): boolean {
  return !sameShares(shares, served);
}

/** The same step, to be put in force again. */
function again({ state, input }: Walk): RolloutStatus {
  const { since, checks, ...rest } = state;
  return { ...rest, phase: 'Progressing', reason: 'WaitingForTraffic', movedAt: iso(input.now) };
}

/** Towards the step: capacity first, then the table, then every process's word that it is in force. */
function reach(walk: Walk): RolloutStatus {
  const { state, steps, input } = walk;
  const { observed, now } = input;
  const at = stepWords(state, steps);
  const waits = (reason: 'WaitingForCapacity' | 'WaitingForTraffic', why: string): RolloutStatus => ({
    ...state,
    phase: 'Progressing',
    reason,
    message: cut(`${at}: ${why}`),
  });
  if (observed.served === false) return waits('WaitingForTraffic', 'what was served before is being started');
  const shortage = shortageOf(walk);
  if (shortage.late) return failed(walk, lateness(walk, shortage));
  if (shortage.missing.length > 0) return waits('WaitingForCapacity', shortage.missing.join('; '));
  if (!isWritten(goalOf(walk), observed)) return waits('WaitingForTraffic', 'the split is about to move');
  if (!observed.inForce) return waits('WaitingForTraffic', 'not every process is known to follow the new split yet');
  const { window, ...rest } = state;
  return { ...rest, since: iso(now) };
}

/** Whether the table says all that is wanted: shares, copies, what is observed. */
function isWritten({ versions, observe }: Desired, { table }: Observed): boolean {
  const rows = new Map(table?.versions.map((row) => [row.name, row]));
  const split = versions.every(({ name, share }) => (rows.get(name)?.share ?? 0) === share);
  const copies = versions.every(({ name, shadow, dropped }) => dropped || (rows.get(name)?.shadow ?? 0) === shadow);
  return table !== undefined && split && copies && sameJson(table.observe, observe);
}

/** At a step that is in force: hold, checks, approval; then the next. */
function judge(walk: Walk): RolloutStatus {
  const { state, steps, input } = walk;
  const step = steps[state.step];
  if (!step) return completed(walk);
  const looked = withChecks(walk);
  const at = stepWords(state, steps);
  const approved = !step.approval || state.approved === state.step;
  if (state.phase === 'Paused' && !approved) return looked;
  const passed = isPassed(walk);
  if (!passed && isOverdue(walk)) {
    const within = durationWords(analysisOf(walk)?.deadlineMs ?? 0);
    const message = cut(`${at}: not enough evidence within ${within}: ${inconclusive(walk)}`);
    return { ...looked, phase: 'Paused', reason: 'Inconclusive', message };
  }
  const holdEnd = holdEndOf(state, step);
  const goesOn = { ...looked, phase: 'Progressing' } as const;
  if (input.now < holdEnd) return { ...goesOn, reason: 'Holding', message: `${at} holds until ${iso(holdEnd)}` };
  if (!passed) return { ...goesOn, reason: 'Analyzing', message: cut(`${at}: ${analyzing(walk)}`) };
  if (!approved) return { ...looked, phase: 'Paused', reason: 'ApprovalRequired', message: `${at} waits for approval` };
  return next({ ...walk, state: looked });
}

function analyzing(walk: Walk): string {
  return verdictsOf(walk)?.looks ? inconclusive(walk) : 'nothing has been measured yet';
}

export function holdEndOf(state: RolloutStatus, step: Step | undefined): number {
  return (momentOf(state.since) ?? 0) + (step?.holdMs ?? 0);
}

/**
 * When a step that is still inconclusive has had its time. It runs from when the evidence began: a process that took over
 * has to gather it anew, and must not stop a walk for that.
 */
export function overdueAt(walk: Walk): number | undefined {
  const analysis = analysisOf(walk);
  const verdicts = verdictsOf(walk);
  const since = momentOf(walk.state.since);
  if (!analysis || !verdicts?.looks || since === undefined) return undefined;
  return Math.max(since, verdicts.since) + analysis.deadlineMs;
}

function isOverdue(walk: Walk): boolean {
  const at = overdueAt(walk);
  return at !== undefined && walk.input.now >= at;
}

function next({ state, steps, input }: Walk): RolloutStatus {
  const { since, checks, ...rest } = state;
  const step = state.step + 1;
  // What was measured last stays with a walk that ends.
  const last = step >= steps.length ? { checks } : {};
  return { ...rest, ...last, step, phase: 'Progressing', reason: 'WaitingForTraffic', movedAt: iso(input.now) };
}

function completed({ state }: Walk): RolloutStatus {
  const { window, approved, exits, promoted, ...rest } = state;
  const reason = state.revert ? 'Reverted' : isPromoted(state) ? 'Promoted' : 'StepsDone';
  return { ...rest, phase: 'Completed', reason, message: cut(`${splitWords(state.to)} is in force`) };
}
