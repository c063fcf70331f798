/** Which walk the target belongs to: the one under way, a new one, one back, or none. */

import type { EffectiveRollout } from '../../api/effective.ts';
import { isStuck } from './evidence.ts';
import type { RolloutInput, RolloutStatus } from './model.ts';
import { isWalking } from './model.ts';
import {
  allThatMoves,
  gainersOf,
  type Route,
  type Shares,
  sameShares,
  servedShares,
  sharesAt,
  statedShares,
} from './steps.ts';
import { protects } from './walk.ts';
import { cut, iso, momentOf, splitWords } from './words.ts';

/** An end that knows whether it can still be gone back from: once a version has retired its name proves nothing. */
export function remembering(state: RolloutStatus | undefined, input: RolloutInput): RolloutStatus | undefined {
  if (state?.phase !== 'Completed' || state.retired || !isServed(input)) return state;
  return allExist(state.from, input.observed.versions) ? state : { ...state, retired: true };
}

/** The state for what is asked for now, before anything else is looked at. Undefined: there is nothing to walk from. */
export function placed(input: RolloutInput, rollout: EffectiveRollout): RolloutStatus | undefined {
  const { state, target } = input;
  const stated = statedShares(input.desired);
  const known = state !== undefined && state.target === target;
  if (isWalking(state)) {
    if (known) return state;
    if (!state.revert && sameShares(stated, state.from)) return backTo(state, input);
    if (sameShares(stated, state.to)) return retargeted(state, input);
    return begun(input, rollout);
  }
  if (state && state.phase !== 'Completed') {
    if (known) return state;
    return sameShares(stated, state.from) ? backTo(state, input) : begun(input, rollout);
  }
  const served = isServed(input) ? servedShares(input.observed.table) : input.observed.before;
  if (!served || sameShares(stated, served)) return state && { ...state, target };
  // What was walked to is put back without a walk.
  if (known) return state;
  return state && isRevert(state, stated, input) ? backTo(state, input) : begun(input, rollout);
}

function isServed({ observed }: RolloutInput): boolean {
  return observed.served !== false && observed.table !== undefined;
}

/**
 * Whether it goes back to what the last walk came from. A name can stand for another model once its version has retired:
 * then only the very target that was served before is known to be good.
 */
function isRevert(state: RolloutStatus, stated: Shares, { target, observed }: RolloutInput): boolean {
  if (state.revert || !sameShares(stated, state.from)) return false;
  return state.before === target || isThere(state, observed.versions);
}

/** Whether the versions that a walk came from are still the ones that served. */
export function isThere({ from, retired }: RolloutStatus, versions: RolloutInput['observed']['versions']): boolean {
  return retired !== true && allExist(from, versions);
}

function allExist(shares: Shares, versions: RolloutInput['observed']['versions']): boolean {
  return Object.keys(shares).every((name) => versions.some((v) => v.name === name && v.exists));
}

/** A walk from what is served now. */
export function begun(input: RolloutInput, rollout: EffectiveRollout): RolloutStatus {
  const { state, observed } = input;
  const from = servedNow(input, rollout);
  const to = statedShares(input.desired);
  const counted = rollout.steps.filter(({ traffic }) => traffic < allThatMoves(from, to)).length;
  const unprotected = isServed(input) && !protects(from, observed.versions);
  const steps = unprotected ? 0 : counted;
  const before = state?.phase === 'Completed' ? state.target : isWalking(state) ? undefined : state?.before;
  const stable = stableOf(from, input);
  return { ...fresh(input), ...(before !== undefined && { before }), from, to, stable, steps };
}

/** Back to where `state` came from, without steps: it was good enough before. */
function backTo(state: RolloutStatus, input: RolloutInput): RolloutStatus {
  const from = isServed(input) ? servedShares(input.observed.table) : state.from;
  const before = state.phase === 'Completed' ? { before: state.target } : {};
  return { ...fresh(input), ...before, from, to: state.from, stable: state.stable, steps: 0, revert: true };
}

/** The same walk to the same shares, by other checks or with other settings: measured anew. */
function retargeted(state: RolloutStatus, input: RolloutInput): RolloutStatus {
  const { checks, ...rest } = state;
  return renewed({ ...rest, target: input.target, ...(isStuck(state) && { phase: 'Progressing' }) }, input);
}

/** With a new window, and all times and counts from now on. */
export function renewed(state: RolloutStatus, input: RolloutInput): RolloutStatus {
  const now = iso(input.now);
  const times = state.since === undefined ? { movedAt: now } : { since: now };
  return { ...state, ...times, window: (state.window ?? 0) + 1, exits: exitsNow(state, input) };
}

function fresh(input: RolloutInput) {
  const { desired, state, now } = input;
  const to = statedShares(desired);
  const from = servedShares(input.observed.table);
  return {
    id: idOf(input),
    target: input.target,
    phase: 'Progressing' as const,
    reason: 'WaitingForCapacity' as const,
    message: cut(`from ${splitWords(from)} to ${splitWords(to)}`),
    step: 0,
    startedAt: iso(now),
    movedAt: iso(now),
    exits: exitsNow({ from, to }, input),
    ...(state?.honoured !== undefined && { honoured: state.honoured }),
  };
}

/** Another one than the walk before, also where both begin within a second. */
function idOf({ target, now, state }: RolloutInput): string {
  const at = (second: number) => `${target}-${second.toString(36)}`;
  const second = Math.max(0, Math.floor(now / 1000));
  return at(second) === state?.id ? at(second + 1) : at(second);
}

/** What is served; while it is being started, what was served before. */
function servedNow(input: RolloutInput, rollout: EffectiveRollout): Shares {
  const { state, observed } = input;
  if (!isServed(input) && observed.before) return observed.before;
  if (isServed(input) || !state) return servedShares(observed.table);
  if (!isWalking(state)) return state.from;
  const all = allThatMoves(state.from, state.to);
  const step = rollout.steps.filter(({ traffic }) => traffic < all)[state.step];
  return step ? sharesAt(state.from, state.to, step.traffic) : state.to;
}

/** The one that is compared with already; else the largest. */
function stableOf(from: Shares, { observed }: RolloutInput): string {
  const primary = observed.table?.primary;
  if (primary !== undefined && (from[primary] ?? 0) > 0) return primary;
  const names = Object.keys(from).sort((a, b) => (from[b] ?? 0) - (from[a] ?? 0) || (a < b ? -1 : 1));
  return names[0] as string;
}

/** Exits of those that gain, which are no news. */
function exitsNow(route: Route, { observed }: RolloutInput): Record<string, number> {
  const gainers = gainersOf(route);
  return Object.fromEntries(gainers.map((name) => [name, observed.versions.find((v) => v.name === name)?.exits ?? 0]));
}

/**
 * A state that fits what is there: times that lie ahead (another clock wrote them) begin now, counts of exits that have
 * begun anew count from there, and the index is one of the steps that are listed.
 */
export function mended(state: RolloutStatus, input: RolloutInput, rollout: EffectiveRollout): RolloutStatus {
  const now = iso(input.now);
  const ahead = (text: string | undefined) => (momentOf(text) ?? 0) > input.now;
  const times = { ...(ahead(state.since) && { since: now }), ...(ahead(state.movedAt) && { movedAt: now }) };
  const exits = Object.entries(state.exits ?? {}).map(([name, count]) => {
    const is = input.observed.versions.find((v) => v.name === name)?.exits ?? count;
    return [name, Math.min(count, is)];
  });
  const mild = { ...state, ...times, ...(state.exits && { exits: Object.fromEntries(exits) }) };
  return restepped(mild, input, rollout);
}

/** Steps were added or taken away: the first that moves no less than has moved; never past a step that was not walked. */
function restepped(state: RolloutStatus, input: RolloutInput, rollout: EffectiveRollout): RolloutStatus {
  if (state.steps === 0) return state;
  const steps = rollout.steps.filter(({ traffic }) => traffic < allThatMoves(state.from, state.to));
  if (steps.length === state.steps) return state;
  if (state.step >= state.steps) return { ...state, step: steps.length, steps: steps.length };
  const moved = allThatMoves(state.from, isServed(input) ? servedShares(input.observed.table) : state.from);
  const first = steps.findIndex(({ traffic }) => traffic >= moved);
  const step = first >= 0 ? first : Math.max(0, steps.length - 1);
  const { since, approved, window, checks, ...rest } = state;
  return { ...rest, step, steps: steps.length, movedAt: iso(input.now) };
}
