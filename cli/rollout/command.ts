/** Which command makes sense where a walk stands, and why another one does not. Pure. */
import type { RolloutCommandName } from '../../api/rollout-command.ts';
import type { RolloutStatus } from '../../api/status.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { stepsOf } from './steps.ts';
import { endOf, type RolloutView } from './view.ts';
import { stepText } from './words.ts';

/** @returns why it makes no sense now, and what to do instead; undefined when it does */
export function objection(command: RolloutCommandName, view: RolloutView): string | undefined {
  const { name, rollout, spec } = view;
  if (!rollout) {
    const why = spec
      ? 'nothing was rolled out yet'
      : 'its spec has no rollout, so that a new split takes effect at once';
    return `there is nothing to ${command} of ${name}: ${why}`;
  }
  const end = endOf(rollout);
  if (!end) return command === 'retry' ? goesOn(view, rollout) : UNDER_WAY[command](view, rollout);
  const ended = `the rollout ${rollout.id} of ${name} is over: it was ${ENDED[end]}`;
  if (end === 'Completed')
    return command === 'abort' ? lateAbort(ended, view, rollout) : `${ended}; there is nothing to ${command}`;
  return command === 'retry' ? undefined : `${ended}; there is nothing to ${command}. \`retry\` starts it again`;
}

const ENDED = { Completed: 'completed', RolledBack: 'rolled back', Aborted: 'aborted' } as const;

type Objection = (view: RolloutView, rollout: RolloutStatus) => string | undefined;

const UNDER_WAY: Record<Exclude<RolloutCommandName, 'retry'>, Objection> = {
  // It may be given before the hold is over and the checks have passed.
  approve: (view, rollout) => {
    if (rollout.reason === 'ApprovalRequired') return undefined;
    const wanted = stepsOf(rollout, view.spec)?.[rollout.step]?.approval ?? false;
    if (wanted && rollout.approved !== rollout.step) return undefined;
    return `the rollout of ${view.name} waits for no approval: ${stateText(rollout)}`;
  },
  pause: ({ name }, rollout) =>
    rollout.reason === 'PauseRequested' ? `the rollout of ${name} is paused already: ${stateText(rollout)}` : undefined,
  resume: ({ name }, rollout) => {
    if (rollout.phase !== 'Paused') return `the rollout of ${name} is not paused: ${stateText(rollout)}`;
    if (rollout.reason !== 'ApprovalRequired') return undefined;
    return `the rollout of ${name} waits for an approval, not for a resume: use \`approve\``;
  },
  promote: goesBack,
  abort: goesBack,
};

function goesOn({ name }: RolloutView, rollout: RolloutStatus): string {
  return `the rollout of ${name} goes on: ${stateText(rollout)}; only one that was taken back can be retried`;
}

function goesBack({ name }: RolloutView, rollout: RolloutStatus): string | undefined {
  return rollout.revert ? `${name} goes back already, at once: ${stateText(rollout)}` : undefined;
}

/** Until the versions before have retired, there is something to go back to. */
function lateAbort(ended: string, { versions }: RolloutView, { from, revert }: RolloutStatus): string | undefined {
  if (revert) return `${ended}; it went back, and there is nothing to abort`;
  const gone = Object.keys(from).filter((name) => !versions.some((version) => version.name === name));
  if (gone.length === 0) return undefined;
  return `${ended}, and ${gone.join(', ')} is gone; \`undo\` puts the spec before back`;
}

function stateText(rollout: RolloutStatus): string {
  return `${rollout.phase} (${rollout.reason}), ${stepText(rollout)}`;
}

/** @throws CliError instead of a command that would do nothing */
export function assertSensible(command: RolloutCommandName, view: RolloutView): RolloutStatus {
  const why = objection(command, view);
  if (why !== undefined || !view.rollout) throw new CliError(why ?? 'no rollout', EXIT.failed, 'NothingToDo');
  return view.rollout;
}
