/** Step arithmetic: shares in basis points on the way from one split to another. */
import type { EffectiveRollout } from '../../api/effective.ts';
import type { TrafficTable } from '../../api/traffic-table.ts';
import type { Desired } from '../model.ts';
import type { RolloutStatus } from './model.ts';

/** Basis points by version. Who is not in it has none. */
export type Shares = Readonly<Record<string, number>>;

/** Where a walk comes from, and where it goes. */
export interface Route {
  from: Shares;
  to: Shares;
}

export type Step = EffectiveRollout['steps'][number];

/** Shares that the spec asks for in the end. */
export function statedShares({ versions }: Desired): Shares {
  return positive(versions.filter((v) => !v.dropped).map(({ name, share }) => [name, share]));
}

export function servedShares(table: TrafficTable | undefined): Shares {
  return positive((table?.versions ?? []).map(({ name, share }) => [name, share]));
}

function positive(shares: [string, number][]): Shares {
  return Object.fromEntries(shares.filter(([, share]) => share > 0));
}

export function sameShares(a: Shares, b: Shares): boolean {
  return names(a, b).every((name) => (a[name] ?? 0) === (b[name] ?? 0));
}

/** R = Σ max(0, to − from): what moves in the whole walk. */
export function allThatMoves(from: Shares, to: Shares): number {
  return names(from, to).reduce((sum, name) => sum + Math.max(0, change(name, from, to)), 0);
}

/** Versions whose share grows, sorted. */
export function gainersOf({ from, to }: Route): string[] {
  return names(from, to).filter((name) => change(name, from, to) > 0);
}

/**
 * The steps that count in a walk: those below R, since what is at or above it is the end. None where the walk began
 * without steps.
 */
export function stepsOf({ from, to, steps }: RolloutStatus, rollout: EffectiveRollout): readonly Step[] {
  const all = allThatMoves(from, to);
  return steps === 0 ? [] : rollout.steps.filter(({ traffic }) => traffic < all);
}

/**
 * Shares when `moved` of all requests have moved:
 *
 *     from + (to − from) · min(moved, R) / R
 *
 * in whole basis points by largest remainder, among those that gain and among those that lose apart, so that exactly
 * `moved` moves. v1 100 % → v2 75 %, v3 25 %, with 5 % moved: v1 95 %, v2 3.75 %, v3 1.25 %.
 */
export function sharesAt(from: Shares, to: Shares, moved: number): Shares {
  const all = allThatMoves(from, to);
  if (moved >= all) return positive(names(from, to).map((name) => [name, to[name] ?? 0]));
  const part = (sign: 1 | -1) =>
    apportion(
      names(from, to).map((name) => [name, Math.max(0, sign * change(name, from, to))]),
      moved,
      all,
    );
  const [gained, lost] = [part(1), part(-1)];
  const now = (name: string) => (from[name] ?? 0) + (gained.get(name) ?? 0) - (lost.get(name) ?? 0);
  return positive(names(from, to).map((name) => [name, now(name)]));
}

/** `moved` of what sums to `all`, to each its part. Equal remainders go by name: a stored map may have changed its order. */
function apportion(amounts: readonly [string, number][], moved: number, all: number): Map<string, number> {
  const parts = new Map(amounts.map(([name, amount]) => [name, Math.floor((amount * moved) / all)]));
  const rest = moved - [...parts.values()].reduce((sum, part) => sum + part, 0);
  const byRemainder = [...amounts].sort(([, a], [, b]) => ((b * moved) % all) - ((a * moved) % all));
  for (const [name] of byRemainder.slice(0, rest)) parts.set(name, (parts.get(name) ?? 0) + 1);
  return parts;
}

/** Sorted. */
function names(a: Shares, b: Shares): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

function change(name: string, from: Shares, to: Shares): number {
  return (to[name] ?? 0) - (from[name] ?? 0);
}
