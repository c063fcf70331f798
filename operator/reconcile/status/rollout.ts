/** What a rollout is the cause of: why not all is as asked for, and the next thing to do about it. */
import type { RolloutStatus } from '../../../api/status.ts';
import { isWalking } from '../../../core/rollout/model.ts';
import type { Cause } from './causes.ts';
import type { RolloutFacts } from './facts.ts';
import type { Reason } from './reasons.ts';
import { cut, oneLine } from './words.ts';

const LENGTH = 2_048;

/** None where nothing is walked and what was asked for is served. */
export function rolloutCauses(rollout: RolloutFacts | undefined): Cause[] {
  const state = rollout?.state;
  if (!rollout || !state) return [];
  const reason = reasonOf(state);
  if (!reason) return [];
  const walking = isWalking(state);
  const more = walking ? [...rollout.waiting, ...rollout.notes] : [];
  // The engine may have said it in the message already.
  const news = more.filter((sentence) => !state.message.includes(sentence));
  const message = cut(oneLine([wordsOf(state), ...news].filter(Boolean).join('; ')), LENGTH);
  const lasting = state.phase !== 'Progressing';
  return [{ reason, message, lasting, next: lasting ? nextStep(state, rollout.model) : '' }];
}

function reasonOf({ phase }: RolloutStatus): Reason | undefined {
  switch (phase) {
    case 'Progressing':
      return 'RolloutProgressing';
    case 'Paused':
      return 'RolloutPaused';
    case 'RolledBack':
      return 'RolledBack';
    case 'Aborted':
      return 'RolloutAborted';
    case 'Completed':
      return undefined;
  }
}

/** What becomes of it, in front of why. Under way the engine's own words say at which step. */
export function wordsOf({ phase, step, steps, message }: RolloutStatus): string {
  switch (phase) {
    case 'Progressing':
      return `rollout: ${message}`;
    case 'Paused':
      return `rollout paused: ${message}`;
    case 'RolledBack':
      return `rolled back at ${step < steps ? `step ${step + 1} of ${steps}` : 'the last move'}: ${message}`;
    case 'Aborted':
      return `rollout aborted: ${message}`;
    case 'Completed':
      return `rollout completed: ${message}`;
  }
}

/** One sentence with the command to type. */
function nextStep({ phase, reason }: RolloutStatus, model: string): string {
  const command = (name: string): string => `modelship rollout ${name} ${model}`;
  if (phase === 'RolledBack' || phase === 'Aborted') {
    return `mend what the message says and ask for another version, or try the same again: ${command('retry')}`;
  }
  switch (reason) {
    case 'ApprovalRequired':
      return `look at the step, then: ${command('approve')} (or ${command('abort')})`;
    case 'PauseRequested':
      return `go on with: ${command('resume')}`;
    case 'Inconclusive':
      return `send it more requests and then ${command('resume')}, or decide by hand: ${command('promote')}, ${command('abort')}`;
    default:
      return `decide by hand: ${command('abort')}, or ${command('resume')} for another look`;
  }
}
