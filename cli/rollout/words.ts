/** Small texts about a rollout. Pure. */
import type { CheckStatus, RolloutStatus } from '../../api/status.ts';
import { percentOf } from '../../api/units.ts';
import { percentText } from '../numbers.ts';
import type { Style } from '../output.ts';
import { namesOf, type TimeLeft } from './steps.ts';

export const PHASE_STYLES: Record<RolloutStatus['phase'], Style> = {
  Progressing: 'cyan',
  Paused: 'yellow',
  Completed: 'green',
  RolledBack: 'red',
  Aborted: 'red',
};

/** Basis points → `12.5%`. */
export function shareText(points: number): string {
  return percentText(percentOf(points));
}

/** `v1 95% → 0%, v2 5% → 100%`; one that stays is named once. */
export function walkText({ from, to }: Pick<RolloutStatus, 'from' | 'to'>): string {
  const parts = namesOf({ from, to }).map((name) => {
    const [was, will] = [from[name] ?? 0, to[name] ?? 0];
    return was === will ? `${name} ${shareText(was)}` : `${name} ${shareText(was)} → ${shareText(will)}`;
  });
  return parts.join(', ');
}

/** `step 2 of 3`, then `the last move`, then `the end`. */
export function stepText({ step, steps, phase }: Pick<RolloutStatus, 'step' | 'steps' | 'phase'>): string {
  if (phase === 'Completed') return 'the end';
  return step < steps ? `step ${step + 1} of ${steps}` : 'the last move';
}

/** 500 → `0.5 s`, 90000 → `1m 30s`, 7500000 → `2h 05m`. @param ms a length of time */
export function spanText(ms: number): string {
  if (ms > 0 && ms < 1_000) return `${Number((ms / 1_000).toFixed(1))}s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  const rest = (count: number, unit: string) => (count > 0 ? ` ${String(count).padStart(2, '0')}${unit}` : '');
  if (minutes < 60) return `${minutes}m${rest(seconds % 60, 's')}`;
  return `${Math.floor(minutes / 60)}h${rest(minutes % 60, 'm')}`;
}

const LEFT_OF: Record<TimeLeft['of'], string> = {
  hold: 'of the hold',
  samples: 'until the deadline for enough samples',
  capacity: 'until the deadline for this step to be in force',
};

export function leftText({ of, left, whole }: TimeLeft): string {
  return `${spanText(left)} of ${spanText(whole)} left ${LEFT_OF[of]}`;
}

const ASKS: Partial<Record<RolloutStatus['reason'], readonly string[]>> = {
  ApprovalRequired: ['approve', 'abort'],
};

/** What a person can say to a walk that waits for one; empty where none is waited for. */
export function asksFor({ phase, reason }: Pick<RolloutStatus, 'phase' | 'reason'>): readonly string[] {
  if (phase !== 'Paused') return [];
  return ASKS[reason] ?? ['resume', 'promote', 'abort'];
}

/** The check with its number and its bound; a message that begins with its name has both. */
export function checkText({ name, message }: Pick<CheckStatus, 'name' | 'message'>): string {
  if (!message) return name;
  return message.startsWith(name) ? message : `${name}: ${message}`;
}
