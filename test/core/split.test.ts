import { describe, expect, test } from 'vitest';
import { ALL } from '../../api/units.ts';
import { moveShares, type SplitEntry } from '../../core/split.ts';
import fc from '../properties.ts';

const NAMES = ['v1', 'v2', 'v3', 'v4', 'v5', 'v6'];

/** Shares of some of NAMES that sum to 10,000. */
const shares = fc
  .tuple(fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 }), fc.array(fc.nat(ALL), { maxLength: 5 }))
  .map(([names, cuts]) => {
    const points = [0, ...cuts.slice(0, names.length - 1).sort((a, b) => a - b), ALL];
    while (points.length <= names.length) points.push(ALL);
    return new Map(names.map((name, i) => [name, (points[i + 1] as number) - (points[i] as number)]));
  });

function owners(split: readonly SplitEntry[]): string[] {
  const slots = new Array<string>(ALL);
  for (const { name, ranges } of split) for (const [from, to] of ranges) slots.fill(name, from, to);
  return slots;
}

function expectSound(split: readonly SplitEntry[], wanted: ReadonlyMap<string, number>): void {
  expect(split.map(({ name, share }) => [name, share])).toEqual([...wanted]);
  const ranges = split.flatMap((entry) => entry.ranges).sort(([a], [b]) => a - b);
  expect(ranges.at(0)?.[0]).toBe(0);
  expect(ranges.at(-1)?.[1]).toBe(ALL);
  for (let i = 1; i < ranges.length; i++) expect(ranges[i]?.[0]).toBe(ranges[i - 1]?.[1]);
  for (const { ranges: own, share } of split) {
    expect(own.reduce((sum, [from, to]) => sum + to - from, 0)).toBe(share);
    for (let i = 1; i < own.length; i++) expect(own[i]?.[0]).toBeGreaterThan(own[i - 1]?.[1] as number);
  }
}

describe('moveShares', () => {
  test.each<[string, Record<string, number>[], Record<string, [number, number][]>]>([
    [
      'the first split is contiguous, in the order of the list',
      [{ v1: 9000, v2: 1000 }],
      { v1: [[0, 9000]], v2: [[9000, 10000]] },
    ],
    [
      'a growing canary takes what lies beside it',
      [
        { v1: 9000, v2: 1000 },
        { v1: 5000, v2: 5000 },
      ],
      { v1: [[0, 5000]], v2: [[5000, 10000]] },
    ],
    [
      'a rollback goes back the way it came',
      [
        { v1: 9000, v2: 1000 },
        { v1: 5000, v2: 5000 },
        { v1: 9000, v2: 1000 },
      ],
      { v1: [[0, 9000]], v2: [[9000, 10000]] },
    ],
    [
      'a new version takes the end of what the loser has; nobody else moves',
      [
        { v1: 9000, v2: 1000 },
        { v1: 8000, v2: 1000, v3: 1000 },
      ],
      { v1: [[0, 8000]], v2: [[9000, 10000]], v3: [[8000, 9000]] },
    ],
    [
      'a version that is gone leaves its slots to those that gain',
      [
        { v1: 9000, v2: 1000 },
        { v2: 1000, v3: 9000 },
      ],
      { v2: [[9000, 10000]], v3: [[0, 9000]] },
    ],
    ['a version with no share has no slots', [{ v1: 10000, v2: 0 }], { v1: [[0, 10000]], v2: [] }],
  ])('%s', (_, walk, ranges) => {
    let split: SplitEntry[] | undefined;
    for (const step of walk) split = moveShares(split, new Map(Object.entries(step)));
    expect(Object.fromEntries((split ?? []).map((entry) => [entry.name, entry.ranges]))).toEqual(ranges);
  });

  test.each<[string, Record<string, number>]>([
    ['shares that do not sum to all are refused', { v1: 9000, v2: 900 }],
    ['half basis points are refused', { v1: 9999.5, v2: 0.5 }],
    ['negative shares are refused', { v1: 10100, v2: -100 }],
  ])('%s', (_, wanted) => {
    expect(() => moveShares(undefined, new Map(Object.entries(wanted)))).toThrow(RangeError);
  });

  test('gaps and overlaps of a damaged split are healed', () => {
    const damaged = [
      { name: 'v1', ranges: [[0, 6000] as const] },
      { name: 'v2', ranges: [[5000, 7000] as const] },
    ];
    const wanted = new Map([
      ['v1', 5000],
      ['v2', 5000],
    ]);
    expectSound(moveShares(damaged, wanted), wanted);
  });

  test('every split is exact, disjoint and complete, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(shares, { minLength: 1, maxLength: 6 }), (walk) => {
        let split: SplitEntry[] | undefined;
        for (const step of walk) {
          split = moveShares(split, step);
          expectSound(split, step);
        }
      }),
    );
  });

  test('only what must move moves, and only from a loser to a gainer', () => {
    fc.assert(
      fc.property(shares, shares, shares, (start, from, to) => {
        const before = moveShares(moveShares(undefined, start), from);
        const after = moveShares(before, to);
        const old = owners(before);
        const moved = owners(after).flatMap((owner, slot) => (owner === old[slot] ? [] : [[old[slot], owner]]));
        const gains = [...to].map(([name, share]) => Math.max(0, share - (from.get(name) ?? 0)));
        expect(moved.length).toBe(gains.reduce((sum, gain) => sum + gain, 0));
        const wrong = (moved as [string, string][]).filter(
          ([loser, gainer]) =>
            (to.get(loser) ?? 0) >= (from.get(loser) ?? 0) || (to.get(gainer) ?? 0) <= (from.get(gainer) ?? 0),
        );
        expect(wrong).toEqual([]);
      }),
    );
  });

  test('along a monotone walk a slot changes its owner at most once', () => {
    fc.assert(
      fc.property(
        shares,
        shares,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }),
        (a, b, ts) => {
          let split = moveShares(undefined, a);
          const start = owners(split);
          const changes = new Array<number>(ALL).fill(0);
          let current = start;
          for (const t of [...ts.sort((x, y) => x - y), 1]) {
            split = moveShares(split, between(a, b, t));
            const next = owners(split);
            next.forEach((owner, slot) => {
              if (owner !== current[slot]) changes[slot] = (changes[slot] as number) + 1;
            });
            current = next;
          }
          expect(Math.max(...changes)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  test('the ranges stay few over a long life', () => {
    fc.assert(
      fc.property(fc.array(shares, { minLength: 200, maxLength: 200 }), (walk) => {
        let split: SplitEntry[] | undefined;
        for (const step of walk) {
          split = moveShares(split, step);
          expect(split.flatMap((entry) => entry.ranges).length).toBeLessThanOrEqual(4 * NAMES.length);
        }
      }),
      { numRuns: 20 },
    );
  });
});

/** A point of a walk on which each share moves one way and all sum to 10,000: gains and losses of the same floor(t·R). */
function between(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>, t: number): Map<string, number> {
  const names = [...new Set([...a.keys(), ...b.keys()])];
  const from = (name: string) => a.get(name) ?? 0;
  const delta = (name: string) => (b.get(name) ?? 0) - from(name);
  const total = names.reduce((sum, name) => sum + Math.max(0, delta(name)), 0);
  let gain = Math.floor(t * total);
  let loss = gain;
  return new Map(
    names.map((name) => {
      const move = delta(name) > 0 ? Math.min(gain, delta(name)) : -Math.min(loss, -delta(name));
      if (move > 0) gain -= move;
      else loss += move;
      return [name, from(name) + move];
    }),
  );
}
