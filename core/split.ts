/**
 * Who owns which of the 10,000 slots. A split moves as few slots as it can, so that a cohort changes its version only
 * when the shares force it to. Pure.
 */
import type { Range } from '../api/traffic-table.ts';
import { ALL } from '../api/units.ts';

export interface SplitEntry {
  name: string;
  /** Basis points; equals the number of slots in `ranges`. */
  share: number;
  /** Sorted, disjoint, adjacent ones merged. */
  ranges: Range[];
}

interface Segment {
  from: number;
  to: number;
  owner: string;
}

/** Slots that a previous table left without an owner; given away like those of a version that is gone. */
const NOBODY = '';

/**
 * The slots for `shares`, as near to `previous` as possible:
 * - a version whose share does not shrink keeps all its slots;
 * - a slot that moves goes from a version that loses to one that gains, so max(0, Δ) slots move and no more;
 * - hence along a walk on which every share moves one way, a slot changes its owner at most once.
 *
 * @param previous the split in force; without it the ranges are contiguous, in the order of `shares`
 * @param shares basis points by name; they sum to 10,000
 * @throws RangeError when the shares are not whole basis points that sum to 10,000
 */
export function moveShares(
  previous: readonly { name: string; ranges: readonly Range[] }[] | undefined,
  shares: ReadonlyMap<string, number>,
): SplitEntry[] {
  assertShares(shares);
  if (!previous) return contiguous(shares);
  const segments = segmentsOf(previous);
  const surplus = new Map<string, number>();
  const need = new Map(shares);
  for (const { owner, from, to } of segments) {
    const missing = (need.get(owner) ?? 0) - (to - from);
    need.set(owner, missing);
  }
  for (const [name, missing] of need) {
    if (missing < 0) surplus.set(name, -missing);
    if (missing <= 0) need.delete(name);
  }
  while (need.size > 0) giveOnce(segments, surplus, need);
  return [...shares].map(([name, share]) => ({
    name,
    share,
    ranges: segments.filter((s) => s.owner === name).map((s): Range => [s.from, s.to]),
  }));
}

function contiguous(shares: ReadonlyMap<string, number>): SplitEntry[] {
  let from = 0;
  return [...shares].map(([name, share]) => {
    const ranges: Range[] = share > 0 ? [[from, from + share]] : [];
    from += share;
    return { name, share, ranges };
  });
}

function assertShares(shares: ReadonlyMap<string, number>): void {
  let sum = 0;
  for (const [name, share] of shares) {
    if (!Number.isInteger(share) || share < 0) throw new RangeError(`share of ${name} is ${share}, not basis points`);
    sum += share;
  }
  if (sum !== ALL) throw new RangeError(`shares sum to ${sum} basis points, not ${ALL}`);
}

/** The slots in order, gaps filled with nobody's, neighbours of one owner merged. */
function segmentsOf(split: readonly { name: string; ranges: readonly Range[] }[]): Segment[] {
  const owned = split
    .flatMap(({ name, ranges }) => ranges.map(([from, to]) => ({ from, to, owner: name })))
    .sort((a, b) => a.from - b.from);
  const segments: Segment[] = [];
  let next = 0;
  for (const segment of owned) {
    const from = Math.max(segment.from, next);
    if (from >= segment.to) continue;
    if (from > next) segments.push({ from: next, to: from, owner: NOBODY });
    segments.push({ from, to: segment.to, owner: segment.owner });
    next = segment.to;
  }
  if (next < ALL) segments.push({ from: next, to: ALL, owner: NOBODY });
  merge(segments);
  return segments;
}

function merge(segments: Segment[]): void {
  for (let i = segments.length - 1; i > 0; i--) {
    const left = segments[i - 1] as Segment;
    const right = segments[i] as Segment;
    if (left.owner !== right.owner) continue;
    left.to = right.to;
    segments.splice(i, 1);
  }
}

/**
 * One gift from a loser to a gainer. Best is a gift across a border the two share, from the smallest loser's range
 * first (no range is added, small ones vanish); else the end of a loser's last range is cut off.
 */
function giveOnce(segments: Segment[], surplus: Map<string, number>, need: Map<string, number>): void {
  const border = bestBorder(segments, surplus, need);
  const at = border?.loser ?? segments.findLastIndex((s) => surplus.has(s.owner));
  const gainer = border?.gainer ?? (need.keys().next().value as string);
  const from = segments[at] as Segment;
  const loser = from.owner;
  const count = Math.min(from.to - from.from, surplus.get(loser) as number, need.get(gainer) as number);
  if (border?.side === 'left') {
    segments.splice(at, 0, { from: from.from, to: from.from + count, owner: gainer });
    from.from += count;
  } else {
    segments.splice(at + 1, 0, { from: from.to - count, to: from.to, owner: gainer });
    from.to -= count;
  }
  if (from.from === from.to) segments.splice(segments.indexOf(from), 1);
  merge(segments);
  take(surplus, loser, count);
  take(need, gainer, count);
}

function take(amounts: Map<string, number>, name: string, count: number): void {
  const left = (amounts.get(name) as number) - count;
  if (left === 0) amounts.delete(name);
  else amounts.set(name, left);
}

/** The smallest loser's range that touches a gainer's, and on which side it does. */
function bestBorder(
  segments: readonly Segment[],
  surplus: ReadonlyMap<string, number>,
  need: ReadonlyMap<string, number>,
): { loser: number; gainer: string; side: 'left' | 'right' } | undefined {
  let best: { loser: number; gainer: string; side: 'left' | 'right' } | undefined;
  let bestLength = Number.POSITIVE_INFINITY;
  segments.forEach((segment, i) => {
    const length = segment.to - segment.from;
    if (!surplus.has(segment.owner) || length >= bestLength) return;
    for (const side of ['right', 'left'] as const) {
      const neighbour = segments[side === 'right' ? i + 1 : i - 1];
      if (!neighbour || !need.has(neighbour.owner)) continue;
      best = { loser: i, gainer: neighbour.owner, side };
      bestLength = length;
      return;
    }
  });
  return best;
}
