/** What people say to a walk, each honoured once. */
import type { EffectiveRollout } from '../../api/effective.ts';
import { begun, isThere, renewed } from './begin.ts';
import { isWalking, type RolloutInput, type RolloutStatus } from './model.ts';
import { cut, iso, splitWords } from './words.ts';

/**
 * The state with the command taken. One that is for another walk is left alone; one that is for another step, or that
 * nothing can be done about now, is dropped: it must not come true later. To stop and to go back are heard at any step of
 * the walk: whoever wants that must not be too late by a second.
 */
export function obeyed(state: RolloutStatus, input: RolloutInput, rollout: EffectiveRollout): RolloutStatus {
  const { command } = input;
  if (!command || command.id !== state.id || command.text === state.honoured || command.text === state.dropped) {
    return state;
  }
  const stops = command.command === 'pause' || command.command === 'abort';
  const fits = stops || command.step === state.step;
  const next = fits ? DOES[command.command](state, input, rollout) : undefined;
  return next ? { ...next, honoured: command.text } : { ...state, dropped: command.text };
}

type Does = (state: RolloutStatus, input: RolloutInput, rollout: EffectiveRollout) => RolloutStatus | undefined;

const DOES: Record<NonNullable<RolloutInput['command']>['command'], Does> = {
  approve: (state) => {
    if (!isWalking(state) || state.step >= state.steps) return undefined;
    return { ...state, approved: state.step };
  },

  pause: (state) => {
    if (!isWalking(state)) return undefined;
    if (state.phase === 'Paused' && state.reason !== 'ApprovalRequired') return state;
    return { ...state, phase: 'Paused', reason: 'PauseRequested', message: 'paused by hand; the split stays as it is' };
  },

  resume: (state, input) => {
    if (state.phase !== 'Paused' || state.reason === 'ApprovalRequired') return undefined;
    const { checks, ...rest } = state;
    return renewed({ ...rest, phase: 'Progressing', reason: 'WaitingForTraffic', message: 'resumed' }, input);
  },

  promote: (state, input) => {
    if (!isWalking(state) || state.revert) return undefined;
    const { since, approved, ...rest } = state;
    const message = 'the rest is skipped';
    const at = { step: state.steps, movedAt: iso(input.now), promoted: true };
    return { ...rest, ...at, phase: 'Progressing', reason: 'WaitingForTraffic', message };
  },

  abort: (state, { observed }) => {
    const over = state.phase === 'Completed' && !state.revert && isThere(state, observed.versions);
    if (!over && (!isWalking(state) || state.revert)) return undefined;
    const message = cut(`aborted by hand; back to ${splitWords(state.from)}`);
    return { ...state, phase: 'Aborted', reason: 'AbortRequested', message };
  },

  retry: (state, input, rollout) => {
    if (state.phase !== 'RolledBack' && state.phase !== 'Aborted') return undefined;
    return begun(input, rollout);
  },
};
