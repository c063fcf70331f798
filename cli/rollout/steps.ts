/** The steps of a walk with their shares, and the time that is left at the one it stands at. Pure. */
import type { Rollout } from '../../api/rollout.ts';
import type { RolloutStatus } from '../../api/status.ts';
import { basisPoints, durationMs } from '../../api/units.ts';
import { allThatMoves, sharesAt } from '../../core/rollout/steps.ts';

export type StepMark = 'done' | 'now' | 'next' | 'failed';

export interface StepView {
  mark: StepMark;
  /** From 0; the number of steps stands for the end. */
  index: number;
  /** Requests moved so far, basis points of all. */
  moved: number;
  /** By version, basis points; who is not in it has none. */
  shares: Record<string, number>;
  holdMs: number;
  approval: boolean;
}

/** Versions of the walk: those that it comes from, then those that are new. */
export function namesOf({ from, to }: Pick<RolloutStatus, 'from' | 'to'>): string[] {
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].filter(
    (name) => (from[name] ?? 0) > 0 || (to[name] ?? 0) > 0,
  );
}

/** @returns the steps and the end; undefined where the spec's steps are not those that are walked */
export function stepsOf(rollout: RolloutStatus, spec: Rollout | undefined): StepView[] | undefined {
  const whole = allThatMoves(rollout.from, rollout.to);
  const stated = (spec?.steps ?? []).map((step) => ({
    moved: basisPoints(step.traffic),
    holdMs: durationMs(step.hold ?? '0s'),
    approval: step.approval === 'required',
  }));
  const walked = rollout.steps === 0 ? [] : stated.filter(({ moved }) => moved < whole);
  if (walked.length !== rollout.steps) return undefined;
  const all = [...walked, { moved: whole, holdMs: 0, approval: false }];
  return all.map((step, index) => ({
    ...step,
    index,
    mark: markOf(index, rollout),
    shares: { ...sharesAt(rollout.from, rollout.to, step.moved) },
  }));
}

function markOf(index: number, { phase, step }: RolloutStatus): StepMark {
  if (phase === 'Completed') return 'done';
  const over = phase === 'RolledBack' || phase === 'Aborted';
  if (index < step) return 'done';
  if (index > step) return 'next';
  return over ? 'failed' : 'now';
}

export interface TimeLeft {
  /** What ends: the hold of the step, the wait for enough samples, the wait for replicas. */
  of: 'hold' | 'samples' | 'capacity';
  /** Ms, at least 0. */
  left: number;
  /** Ms. */
  whole: number;
}

/** What ends by the clock at the step it stands at. @param now ms since 1970 */
export function timeLeft(rollout: RolloutStatus, spec: Rollout | undefined, now: number): TimeLeft[] {
  if (!spec || rollout.phase !== 'Progressing') return [];
  const until = (of: TimeLeft['of'], since: string | undefined, whole: number): TimeLeft[] => {
    const at = Date.parse(since ?? '');
    return Number.isNaN(at) || whole === 0 ? [] : [{ of, left: Math.max(0, at + whole - now), whole }];
  };
  if (rollout.since === undefined || rollout.reason === 'WaitingForCapacity') {
    return until('capacity', rollout.movedAt, durationMs(spec.progressDeadline ?? '10m'));
  }
  const step = stepsOf(rollout, spec)?.[rollout.step];
  const hold = step ? until('hold', rollout.since, step.holdMs).filter(({ left }) => left > 0) : [];
  const waits = rollout.reason === 'WaitingForTraffic' || rollout.reason === 'Analyzing';
  const deadline = spec.analysis && waits ? durationMs(spec.analysis.deadline ?? '30m') : 0;
  return [...hold, ...until('samples', rollout.since, deadline)];
}
