/**
 * What people tell a rollout. In a cluster the annotation `modelship.dev/rollout` of the ModelDeployment, on a laptop a
 * file of the state folder; the text is the same: `COMMAND/ID/STEP/TIME`, such as `approve/3f2a9c01/2/2026-11-21T13:00:00Z`.
 * It names the walk and its step, so that a late one does nothing to another walk, and it is honoured once: the status
 * keeps the text of the last one (`rollout.honoured`). The spec is never written.
 */
export const ROLLOUT_ANNOTATION = 'modelship.dev/rollout';

/** File of the state folder of a ModelDeployment on a laptop. */
export const ROLLOUT_COMMAND_FILE = 'rollout-command';

/**
 * - `approve`: the step that waits for it may go on;
 * - `pause`, `resume`: stay at the shares in force, go on (with a new window of analysis);
 * - `promote`: skip the rest, all that was asked for as soon as it is ready;
 * - `abort`: back to where the walk came from, at once;
 * - `retry`: start a walk anew that was aborted or rolled back.
 */
export const ROLLOUT_COMMANDS = ['approve', 'pause', 'resume', 'promote', 'abort', 'retry'] as const;
export type RolloutCommandName = (typeof ROLLOUT_COMMANDS)[number];

export interface RolloutCommand {
  command: RolloutCommandName;
  /** The walk. */
  id: string;
  /** Index of the step that it was given at. */
  step: number;
  /** As it was written. */
  text: string;
}

/** @param at RFC 3339: the same command given twice is two commands */
export function rolloutCommandText(command: RolloutCommandName, id: string, step: number, at: string): string {
  return `${command}/${id}/${step}/${at}`;
}

/** @returns a sentence where it is none */
export function parseRolloutCommand(text: string): RolloutCommand | string {
  const trimmed = text.trim();
  const [command, id, step, ...at] = trimmed.split('/');
  const shape = 'expected COMMAND/ID/STEP/TIME, such as approve/3f2a9c01/2/2026-11-21T13:00:00Z';
  const shown = JSON.stringify(trimmed.slice(0, 80));
  if (trimmed.length > 256 || !id || step === undefined || !/^\d{1,4}$/.test(step) || at.length !== 1) {
    return `${ROLLOUT_ANNOTATION} is ${shown}: ${shape}`;
  }
  const known = ROLLOUT_COMMANDS.find((name) => name === command);
  if (!known) return `${ROLLOUT_ANNOTATION} is ${shown}: the command is one of ${ROLLOUT_COMMANDS.join(', ')}`;
  return { command: known, id, step: Number(step), text: trimmed };
}
