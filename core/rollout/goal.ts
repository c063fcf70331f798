/** What the planner is asked for: the shares of the step that is wanted now, the sizes that they need, and what to observe. */
import type { Observe } from '../../api/traffic-table.ts';
import type { Desired, DesiredVersion } from '../model.ts';
import { shortageOf } from './gates.ts';
import { isWalking } from './model.ts';
import { type Shares, sameShares } from './steps.ts';
import { analysisOf, atEnd, losersOf, neededFor, seen, servingOf, sharesOfStep, type Walk } from './walk.ts';
import { momentOf } from './words.ts';

/** For a walk that is under way, or that ended where it came from. */
export function goalOf(walk: Walk): Desired {
  if (!isWalking(walk.state)) return back(walk);
  return isHeldBack(walk) ? staying(walk) : stepping(walk);
}

/** Whether what is served stays until something has come or been said. */
function isHeldBack(walk: Walk): boolean {
  const { state, input } = walk;
  if (input.observed.served === false || momentOf(state.since) !== undefined) return false;
  return state.phase === 'Paused' || shortageOf(walk).missing.length > 0;
}

function stepping(walk: Walk): Desired {
  const before = startedAgain(walk);
  if (before) return walking(walk, before, ({ shadow }) => shadow);
  const analysis = atEnd(walk) ? undefined : analysisOf(walk);
  const mirrored = (version: DesiredVersion) =>
    analysis && walk.canaries.includes(version.name) ? Math.max(version.shadow, analysis.mirror) : version.shadow;
  const desired = walking(walk, walk.shares, mirrored);
  return analysis ? { ...desired, observe: observeOf(analysis) } : desired;
}

/**
 * What was in force before all was started again, where the step was not: it gives nothing to anybody who has not passed the
 * gates. None where nothing of it loads any more: then whoever is ready serves.
 */
function startedAgain({ input, shares }: Walk): Shares | undefined {
  const { served, before, versions } = input.observed;
  if (served !== false || !before || sameShares(before, shares)) return undefined;
  const names = Object.keys(before);
  const lost = names.every((name) => versions.some((version) => version.name === name && version.failure));
  return lost ? undefined : before;
}

/** As the table has it; only sizes change. */
function staying(walk: Walk): Desired {
  const rows = new Map(walk.input.observed.table?.versions.map((row) => [row.name, row]));
  const observe = walk.input.observed.table?.observe;
  const copied = ({ name, shadow }: DesiredVersion) =>
    walk.canaries.includes(name) ? (rows.get(name)?.shadow ?? shadow) : shadow;
  const desired = walking(walk, walk.served, copied);
  return observe ? { ...desired, observe } : desired;
}

function observeOf(analysis: NonNullable<ReturnType<typeof analysisOf>>): Observe {
  const distribution = analysis.checks.some(({ metric }) => metric === 'output-shift');
  return { ...analysis.compare, distribution };
}

/** The stable version stands behind the door until the last move, which is all of what the spec asks for. */
function walking(walk: Walk, shares: Shares, shadow: (version: DesiredVersion) => number): Desired {
  const { input, state } = walk;
  const end = atEnd(walk) && shares === walk.shares;
  const versions = everyVersion(walk, end ? shares : { ...state.from, ...shares }).map((version): DesiredVersion => {
    const share = shares[version.name] ?? 0;
    const kept = !end && (state.from[version.name] ?? 0) > 0 && share === 0;
    const { dropped, ...rest } = version;
    return {
      ...rest,
      ...sizes(walk, version),
      share,
      shadow: shadow(version),
      ...(dropped && !kept && { dropped }),
      ...(!state.revert && !end && walk.gainers.includes(version.name) && { trial: true }),
    };
  });
  const urgent = state.revert === true && (walk.served[state.stable] ?? 0) > 0;
  return { ...input.desired, versions, ...(!end && { primary: state.stable }), ...(urgent && { urgent }) };
}

/** Those that the hands know, and whoever has a share though they do not. */
function everyVersion(walk: Walk, shares: Shares): DesiredVersion[] {
  const { versions } = walk.input.desired;
  const others = Object.keys(shares).filter((name) => !versions.some((v) => v.name === name));
  return [...versions, ...others.sort().map((name) => missing(walk, name))];
}

function missing(walk: Walk, name: string): DesiredVersion {
  return { name, share: 0, shadow: 0, size: seen(walk, name)?.size ?? 1, dropped: true };
}

/**
 * While a walk is under way, whoever had a share when it began stays as large as it is: a rollback takes all back at once.
 * Who gains has what the share of its step needs, and what the next one will need as soon as the step is in force.
 */
function sizes(walk: Walk, version: DesiredVersion): Pick<DesiredVersion, 'size' | 'needed'> {
  const { state, steps, gainers } = walk;
  const { name } = version;
  const had = (state.from[name] ?? 0) > 0 ? (seen(walk, name)?.size ?? 0) : 0;
  const least = Math.max(version.size, had);
  if (!gainers.includes(name)) return { size: least };
  const reached = momentOf(state.since) !== undefined;
  const shares = reached ? sharesOfStep(state, steps, state.step + 1) : walk.shares;
  const needed = neededFor(version, shares[name] ?? 0, losersOf(walk));
  const grows = version.elastic && version.max !== undefined;
  return { size: grows ? Math.max(least, needed) : least, needed };
}

/** Where the walk came from. Who gained by it alone is taken back and retires. */
function back(walk: Walk): Desired {
  const { state, input, served } = walk;
  const { from, to } = state;
  const there = sameShares(from, served);
  const tookOver = servingOf(to, walk.gainers, input.observed.versions);
  const versions = everyVersion(walk, from)
    .map((version): DesiredVersion => {
      const share = from[version.name] ?? 0;
      const withdrawn = share === 0 && (to[version.name] ?? 0) > 0;
      const size = share > 0 && !there ? Math.max(version.size, seen(walk, version.name)?.size ?? 0) : version.size;
      const needed = share > 0 ? neededFor(version, share, tookOver) : version.size;
      const shadow = withdrawn ? 0 : version.shadow;
      return { ...version, size, needed, share, shadow, ...(withdrawn && { dropped: true }) };
    })
    .filter(({ name, dropped, share }) => !dropped || share > 0 || seen(walk, name)?.exists || (served[name] ?? 0) > 0);
  const urgent = !there && !cameAfterTheEnd(walk);
  return { ...input.desired, versions, primary: state.stable, ...(urgent && { urgent }) };
}

/** Aborted when the walk was over: what it came from may have shrunk since, and must grow again before it takes anything. */
function cameAfterTheEnd({ state }: Walk): boolean {
  return state.phase === 'Aborted' && state.step >= state.steps && state.since !== undefined;
}
