/**
 * Which shares to serve next. The split that is asked for takes effect at once when all its versions are ready; with a
 * rollout, what is asked for is a point on the way (`core/rollout/`).
 */
import { ALL, percentOf } from '../api/units.ts';
import type { Desired, DesiredVersion, Memory, Observed } from './model.ts';
import { moveShares, type SplitEntry } from './split.ts';

export interface Target {
  /** The split to serve; absent while nothing can be served. */
  split?: SplitEntry[];
  starting: Memory['starting'];
  waiting: string[];
}

export function targetShares(desired: Desired, observed: Observed, memory: Memory): Target {
  return memory.starting ? firstShares(desired, observed, memory.starting) : laterShares(desired, observed);
}

/** What is asked for. Who is dropped has a share in the middle of a rollout only. */
function stated(desired: Desired): Map<string, number> {
  return new Map(desired.versions.filter((v) => !v.dropped || v.share > 0).map((v) => [v.name, v.share]));
}

/** From the start to the first time that all have been ready: those that are serve, so that the service is up early. */
function firstShares(desired: Desired, observed: Observed, starting: NonNullable<Memory['starting']>): Target {
  const shares = stated(desired);
  const base = moveShares(starting.base, shares);
  const ready = readyNames(observed);
  const needed = [...shares].filter(([, share]) => share > 0).map(([name]) => name);
  // One that was ready and is not any more keeps its share: whoever is behind the door answers for it.
  const joined = needed.filter((name) => starting.joined.includes(name) || ready.has(name));
  const missing = needed.filter((name) => !joined.includes(name));
  const waiting = waitingFor(missing, shares);
  if (missing.length === 0) return { split: base, starting: undefined, waiting };
  const next = { base, joined };
  const able = joined.filter((name) => ready.has(name));
  const tried = new Set(desired.versions.filter((v) => v.trial).map((v) => v.name));
  const proven = able.filter((name) => !tried.has(name));
  const loading = proven.length === 0 && missing.some((name) => !tried.has(name) && isFirstLoad(name, observed));
  const heir = loading ? undefined : largest([proven, able, joined].find((names) => names.length > 0) ?? [], shares);
  if (heir === undefined) return { ...servedNow(observed), starting: next, waiting };
  return { split: inherit(base, missing, heir), starting: next, waiting };
}

/** Whether it is on its way and has not ended yet: it is worth waiting for. */
function isFirstLoad(name: string, { versions }: Observed): boolean {
  return versions.every((v) => v.name !== name || (v.failure === undefined && v.lastExit === undefined));
}

function laterShares(desired: Desired, observed: Observed): Target {
  const shares = stated(desired);
  const served = servedNow(observed).split ?? [];
  const ready = readyNames(observed);
  const same = served.every(({ name, share }) => share === (shares.get(name) ?? 0));
  if (same) {
    const unready = [...shares].filter(([name, share]) => share > 0 && !ready.has(name)).map(([name]) => name);
    const instead = ready.size > 0 ? 'another version answers for it' : 'requests wait';
    return { split: served, starting: undefined, waiting: unready.map((name) => `${name} is not ready; ${instead}`) };
  }
  // Only those that gain must be able to: a version that fails must be able to lose its traffic.
  const gaining = desired.versions.filter((v) => gains(v, served));
  const enough = (v: DesiredVersion) => (desired.urgent ? 1 : Math.max(1, neededOf(v)));
  const short = gaining.filter((v) => readyOf(v.name, observed) < enough(v));
  if (short.length === 0) return { split: moveShares(served, shares), starting: undefined, waiting: [] };
  const meanwhile = desired.urgent ? standIn(short, shares, served, ready) : served;
  return { split: meanwhile, starting: undefined, waiting: short.map(waitsFor(observed, shares)) };
}

/** Whether it is to have more than it serves. */
export function gains({ name, share }: DesiredVersion, served: readonly { name: string; share: number }[]) {
  return share > (served.find((v) => v.name === name)?.share ?? 0);
}

/** The shares that are asked for, without what `short` would gain: that goes to the largest that is ready. */
function standIn(
  short: readonly DesiredVersion[],
  shares: ReadonlyMap<string, number>,
  served: SplitEntry[],
  ready: ReadonlySet<string>,
): SplitEntry[] {
  const able = [...shares].filter(([name, share]) => share > 0 && ready.has(name)).map(([name]) => name);
  const heir = largest(able, shares);
  if (heir === undefined) return served;
  const meanwhile = new Map(shares);
  for (const { name, share } of short) {
    const has = served.find((v) => v.name === name)?.share ?? 0;
    meanwhile.set(name, has);
    meanwhile.set(heir, (meanwhile.get(heir) ?? 0) + share - has);
  }
  return moveShares(served, meanwhile);
}

/** Replicas that must be ready before it takes more traffic. */
export function neededOf({ size, needed }: DesiredVersion): number {
  return Math.max(size, needed ?? size);
}

function readyOf(name: string, observed: Observed): number {
  return observed.versions.find((v) => v.name === name)?.readyReplicas ?? 0;
}

function servedNow(observed: Observed): { split?: SplitEntry[] } {
  if (!observed.table) return {};
  return {
    split: observed.table.versions
      .filter(({ share }) => share > 0)
      .map(({ name, share, ranges }) => ({ name, share, ranges: [...ranges] })),
  };
}

/** `base`, with the slots of those that are missing in one other hand until they come. */
function inherit(base: readonly SplitEntry[], missing: readonly string[], heir: string): SplitEntry[] {
  const shares = new Map(base.map(({ name, share }) => [name, missing.includes(name) ? 0 : share]));
  shares.set(heir, (shares.get(heir) ?? 0) + ALL - [...shares.values()].reduce((sum, share) => sum + share, 0));
  return moveShares(base, shares);
}

function readyNames(observed: Observed): Set<string> {
  return new Set(observed.versions.filter((v) => v.readyReplicas > 0).map((v) => v.name));
}

/** The name with the largest share; the first of equals. */
function largest(names: readonly string[], shares: ReadonlyMap<string, number>): string | undefined {
  let best: string | undefined;
  for (const name of names) {
    if (best === undefined || (shares.get(name) ?? 0) > (shares.get(best) ?? 0)) best = name;
  }
  return best;
}

function waitingFor(missing: readonly string[], shares: ReadonlyMap<string, number>): string[] {
  return missing.map((name) => `${name} is not ready; the split ${splitText(shares)} takes effect when it is`);
}

function waitsFor(observed: Observed, shares: ReadonlyMap<string, number>): (version: DesiredVersion) => string {
  return (version) => {
    const ready = readyOf(version.name, observed);
    if (ready === 0) return waitingFor([version.name], shares)[0] as string;
    const some = `${version.name} has ${ready} of ${neededOf(version)} replicas ready`;
    return `${some}; the split ${splitText(shares)} takes effect when all are`;
  };
}

function splitText(shares: ReadonlyMap<string, number>): string {
  return [...shares].map(([name, share]) => `${name} ${percentOf(share)}%`).join(', ');
}
