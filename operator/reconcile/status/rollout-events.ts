/** What is worth an Event between two states of a rollout. Each is told once: by whoever stored the second. */
import type { RolloutStatus } from '../../../api/status.ts';
import { percentOf } from '../../../api/units.ts';
import { isWalking } from '../../../core/rollout/model.ts';
import type { StatusEvent } from './changes.ts';
import type { Reason } from './reasons.ts';
import { wordsOf } from './rollout.ts';
import { cutBytes } from './words.ts';

const NOTE_BYTES = 1_024;

/** In the order in which they are told. */
export function rolloutEvents(before: RolloutStatus | undefined, after: RolloutStatus | undefined): StatusEvent[] {
  if (!after) return [];
  const same = before?.id === after.id ? before : undefined;
  return [...started(same, after), ...stepReached(same, after), ...failedChecks(same, after), ...turns(same, after)];
}

function event(type: StatusEvent['type'], reason: Reason, message: string): StatusEvent {
  return { type, reason, message: cutBytes(message, NOTE_BYTES) };
}

function started(same: RolloutStatus | undefined, after: RolloutStatus): StatusEvent[] {
  if (same || !isWalking(after)) return [];
  const steps = `${after.steps} ${after.steps === 1 ? 'step' : 'steps'}`;
  const words = `from ${splitOf(after.from)} to ${splitOf(after.to)} in ${steps}; rollout ${after.id}`;
  return [event('Normal', 'RolloutStarted', words)];
}

function splitOf(shares: RolloutStatus['from']): string {
  const taking = Object.entries(shares).filter(([, share]) => share > 0);
  return taking.map(([name, share]) => `${name}:${percentOf(share)}`).join(' ') || 'nothing';
}

/** When the pods are seen to follow it, not when it is decided. */
function stepReached(same: RolloutStatus | undefined, after: RolloutStatus): StatusEvent[] {
  const { since, step, steps } = after;
  if (since === undefined || !isWalking(after) || step >= steps) return [];
  if (same?.since !== undefined && same.step === step) return [];
  return [event('Normal', 'RolloutStep', `step ${step + 1} of ${steps} is in force; rollout ${after.id}`)];
}

function failedChecks(same: RolloutStatus | undefined, after: RolloutStatus): StatusEvent[] {
  const failed = (after.checks ?? []).filter(({ verdict }) => verdict === 'Fail');
  const known = new Set((same?.checks ?? []).filter(({ verdict }) => verdict === 'Fail').map(({ name }) => name));
  const news = failed.filter(({ name }) => !known.has(name));
  const turned = after.reason === 'CheckFailed' && same?.reason !== 'CheckFailed';
  if (turned && failed.length === 0) return [event('Warning', 'CheckFailed', after.message)];
  return news.map(({ name, message }) => event('Warning', 'CheckFailed', message ?? name));
}

function turns(same: RolloutStatus | undefined, after: RolloutStatus): StatusEvent[] {
  const turned = same?.phase !== after.phase || (after.phase === 'Paused' && same.reason !== after.reason);
  if (!turned) return [];
  const words = wordsOf(after);
  switch (after.phase) {
    case 'Progressing':
      return same?.phase === 'Paused' ? [event('Normal', 'RolloutResumed', words)] : [];
    case 'Paused':
      return [event(isAsked(after) ? 'Normal' : 'Warning', 'RolloutPaused', words)];
    case 'RolledBack':
      return [event('Warning', 'RolledBack', words)];
    case 'Aborted':
      return [event('Warning', 'RolloutAborted', words)];
    case 'Completed':
      // A walk without steps, such as a first start, is told by what it makes of the split.
      return same && isWalking(same) ? [event('Normal', 'RolloutCompleted', words)] : [];
  }
}

const isAsked = ({ reason }: RolloutStatus): boolean => reason === 'ApprovalRequired' || reason === 'PauseRequested';
