/** What is measured at a step, and what the measurements say. */
import { overall, type Verdicts } from '../analysis/model.ts';
import { andExits, type Failure } from './gates.ts';
import { isWalking, type OpenWindow, type RolloutStatus } from './model.ts';
import { sameShares } from './steps.ts';
import { analysisOf, atEnd, isPromoted, sharesOfStep, type Walk } from './walk.ts';
import { cut, momentOf } from './words.ts';

/** Paused by a failure: nothing is looked at until a person says so. */
export function isStuck({ phase, reason }: RolloutStatus): boolean {
  const byHand = reason === 'ApprovalRequired' || reason === 'PauseRequested' || reason === 'Inconclusive';
  return phase === 'Paused' && !byHand;
}

/**
 * The window that is open: of the step in force. While the next one is waited for, the one before is still in force and still
 * watched.
 */
export function windowOf(walk: Walk): OpenWindow | undefined {
  const { state, steps, canaries, served, input } = walk;
  if (!isWalking(state) || !analysisOf(walk) || isStuck(state) || isPromoted(state)) return undefined;
  const { id, stable, window = 0 } = state;
  const since = momentOf(state.since);
  if (since !== undefined) return atEnd(walk) ? undefined : { id, step: state.step, window, since, stable, canaries };
  const step = state.step - 1;
  if (step < 0 || !sameShares(served, sharesOfStep(state, steps, step))) return undefined;
  return { id, step, window, since: momentOf(state.movedAt) ?? input.now, stable, canaries };
}

/** The verdicts of the window that is open, if it has been looked at. */
export function verdictsOf(walk: Walk): Verdicts | undefined {
  const { verdicts } = walk.input;
  const window = windowOf(walk);
  if (!verdicts || !window) return undefined;
  const { id, step, window: begun } = verdicts.key;
  return id === window.id && step === window.step && begun === window.window ? verdicts : undefined;
}

/** Whether all checks pass. Fewer verdicts than checks say nothing: nothing passes by silence. */
export function isPassed(walk: Walk): boolean {
  const analysis = analysisOf(walk);
  if (!analysis) return true;
  const { looks = 0, checks = [] } = verdictsOf(walk) ?? {};
  return looks > 0 && checks.length >= analysis.checks.length && overall(checks) === 'Pass';
}

export function checkFailure(walk: Walk): Failure | undefined {
  const failed = (verdictsOf(walk)?.checks ?? []).filter(({ verdict }) => verdict === 'Fail');
  if (failed.length === 0) return undefined;
  const said = failed.map(({ version, name, message }) => `${version}: ${message ?? name}`);
  const exits = [...new Set(failed.map(({ version }) => version))].map((version) => andExits(walk, version));
  return { reason: 'CheckFailed', message: cut(said.join('; ') + exits.join('')) };
}

/** The checks that do not pass yet, with their numbers. */
export function inconclusive(walk: Walk): string {
  const open = (verdictsOf(walk)?.checks ?? []).filter(({ verdict }) => verdict !== 'Pass');
  return open.map(({ version, name, message }) => `${version}: ${message ?? name}`).join('; ');
}

/** The state with the numbers of the last look. */
export function withChecks(walk: Walk): RolloutStatus {
  const { state } = walk;
  const verdicts = verdictsOf(walk);
  if (!verdicts || verdicts.looks === 0) return state;
  const checks = verdicts.checks.slice(0, 64).map(({ name, verdict, message }) => ({
    name: cut(name, 256),
    verdict,
    ...(message !== undefined && { message: cut(message, 1024) }),
  }));
  return { ...state, checks };
}
