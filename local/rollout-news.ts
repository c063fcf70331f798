/** What there is to tell when a rollout has moved. Pure. */
import type { RolloutStatus } from '../api/status.ts';
import { percentOf } from '../api/units.ts';
import { isWalking } from '../core/rollout/model.ts';
import type { EventType, LocalEvent } from './snapshot.ts';

export interface News {
  level: LocalEvent['level'];
  type: EventType;
  message: string;
}

type Known = RolloutStatus | undefined;

const ENDS: Partial<Record<RolloutStatus['phase'], [EventType, LocalEvent['level']]>> = {
  Completed: ['rollout-completed', 'info'],
  RolledBack: ['rollout-rolled-back', 'error'],
  Aborted: ['rollout-aborted', 'warn'],
};

/** @param wanted the shares that are wanted from now on, basis points */
export function newsOf(before: Known, now: Known, wanted: Readonly<Record<string, number>>): News[] {
  if (!now) return [];
  const was = before?.id === now.id ? before : undefined;
  return [...started(was, now), ...reached(was, now, wanted), ...stands(was, now)];
}

function started(was: Known, now: RolloutStatus): News[] {
  if (was || !isWalking(now)) return [];
  const steps = now.steps === 0 ? 'at once' : `in ${now.steps} ${now.steps === 1 ? 'step' : 'steps'}`;
  const what = now.revert ? 'back from' : 'from';
  const message = `rollout ${now.id}: ${what} ${splitText(now.from)} to ${splitText(now.to)}, ${steps}`;
  return [{ level: 'info', type: 'rollout-started', message }];
}

/** A step that came into force; the last move is told as the end. */
function reached(was: Known, now: RolloutStatus, wanted: Readonly<Record<string, number>>): News[] {
  const known = was?.step === now.step && was.since !== undefined;
  if (known || now.since === undefined || now.step >= now.steps || !isWalking(now)) return [];
  const message = `step ${now.step + 1} of ${now.steps} is in force: ${splitText(wanted)}`;
  return [{ level: 'info', type: 'rollout-step', message }];
}

/** Where it stands still, goes on, or ends. */
function stands(was: Known, now: RolloutStatus): News[] {
  const { phase, reason, message } = now;
  const same = was?.phase === phase;
  const end = ENDS[phase];
  // An end that was known before this run began is no news.
  if (end) return same || !was ? [] : [{ type: end[0], level: end[1], message }];
  if (phase === 'Progressing') {
    if (was?.phase === 'Paused') return [{ level: 'info', type: 'rollout-resumed', message: 'goes on' }];
    const waits = reason === 'WaitingForCapacity' && was?.reason !== reason;
    return waits ? [{ level: 'info', type: 'split-waiting', message }] : [];
  }
  if (same && was.reason === reason) return [];
  const asked = reason === 'ApprovalRequired' || reason === 'PauseRequested';
  return [{ level: asked ? 'info' : 'warn', type: 'rollout-paused', message }];
}

/** `v1 75%, v2 25%`, in the order of the names. */
function splitText(shares: Readonly<Record<string, number>>): string {
  return Object.keys(shares)
    .filter((name) => (shares[name] ?? 0) > 0)
    .sort()
    .map((name) => `${name} ${percentOf(shares[name] ?? 0)}%`)
    .join(', ');
}
