/** More than one replica: how many must be ready before a version takes traffic, and when one may shrink. */
import { describe, expect, test } from 'vitest';
import type { Desired, Observed, Plan } from '../../core/model.ts';
import { firstMemory } from '../../core/model.ts';
import { plan } from '../../core/plan.ts';
import { desired, NOW, observed, Planner, RETIRE_AFTER, settled, sharesOf, table } from './build.ts';

type Sizes = Record<string, { size?: number; needed?: number }>;

/** A list with these shares, in percent, and these sizes; 1 where none is given. */
function want(shares: Record<string, number>, sizes: Sizes = {}, dropped: string[] = []): Desired {
  const list = desired(shares, { dropped });
  return { ...list, versions: list.versions.map((v) => ({ ...v, ...sizes[v.name] })) };
}

/** Versions with `[ready, asked for]` replicas. */
function seen(replicas: Record<string, [ready: number, size: number]>, more: Partial<Observed> = {}): Observed {
  const at = observed(Object.fromEntries(Object.entries(replicas).map(([name, [ready]]) => [name, ready])), more);
  return { ...at, versions: at.versions.map((v) => ({ ...v, size: replicas[v.name]?.[1] })) };
}

const sizesOf = ({ run }: Plan) => Object.fromEntries(run.map(({ name, size }) => [name, size]));

describe('a version whose size follows its load', () => {
  const elastic = { elastic: true, size: 1 };

  test('is no longer given a floor at each peak while another is waited for', () => {
    const at = seen({ v1: [8, 8], v2: [0, 1] }, { table: table({ v1: 100, v2: 0 }) });
    expect(sizesOf(plan(want({ v1: 50, v2: 50 }, { v1: elastic }), at, settled(), NOW))).toMatchObject({ v1: 1 });
    expect(sizesOf(plan(want({ v1: 50, v2: 50 }, { v1: { size: 1 } }), at, settled(), NOW))).toMatchObject({ v1: 8 });
    const leaves = want({ v2: 100 }, { v1: elastic }, ['v1']);
    expect(sizesOf(plan(leaves, at, settled(), NOW))).toMatchObject({ v1: 1 });
  });

  test('keeps its size from when it lost traffic until that is in force and its time is over', () => {
    const after = { table: table({ v1: 50, v2: 50 }) };
    const at = seen({ v1: [8, 8], v2: [1, 1] }, after);
    const list = want({ v1: 50, v2: 50 }, { v1: elastic, v2: elastic });
    const lost = { v1: { at: NOW } };
    expect(sizesOf(plan(list, at, settled(lost), NOW))).toMatchObject({ v1: 8 });
    expect(sizesOf(plan(list, at, settled(lost), NOW + RETIRE_AFTER))).toMatchObject({ v1: 1 });
  });
});

const HALVES = { v1: 50, v2: 50 };
const ALL_V1 = { v1: 100, v2: 0 };

describe('a version that gains traffic', () => {
  test.each<[string, Sizes, [number, number], boolean, RegExp[]]>([
    [
      'waits for all its replicas',
      { v2: { size: 3 } },
      [2, 3],
      false,
      [/^v2 has 2 of 3 replicas ready; the split v1 50%, v2 50% takes effect when all are$/],
    ],
    ['has them all', { v2: { size: 3 } }, [3, 3], true, []],
    ['has more than it needs', { v2: { size: 3 } }, [5, 5], true, []],
    ['has none', { v2: { size: 3 } }, [0, 3], false, [/^v2 is not ready; the split v1 50%, v2 50% takes effect/]],
    ['waits for those that its share needs', { v2: { size: 1, needed: 4 } }, [3, 4], false, [/^v2 has 3 of 4/]],
    ['has those that its share needs', { v2: { size: 1, needed: 4 } }, [4, 4], true, []],
    ['never needs fewer than its size', { v2: { size: 3, needed: 1 } }, [2, 3], false, [/^v2 has 2 of 3/]],
    ['needs one ready though its size is none', { v2: { size: 0 } }, [0, 0], false, [/^v2 is not ready/]],
  ])('%s', (_, sizes, v2, moves, waiting) => {
    const next = plan(want(HALVES, sizes), seen({ v1: [1, 1], v2 }, { table: table(ALL_V1) }), settled(), NOW);
    expect(sharesOf(next.table)).toEqual(moves ? HALVES : undefined);
    expect(next.waiting).toHaveLength(waiting.length);
    for (const [i, pattern] of waiting.entries()) expect(next.waiting[i]).toMatch(pattern);
  });

  test('is awaited with all others that gain; who loses or keeps its share need not be ready', () => {
    const shares = { v1: 10, v2: 30, v3: 30, v4: 30 };
    const before = { v1: 70, v2: 0, v3: 0, v4: 30 };
    const list = want(shares, { v1: { size: 3 }, v2: { size: 2 }, v3: { size: 2 }, v4: { size: 3 } });
    const at = (v2: number, v3: number) => {
      const replicas = { v1: [0, 3], v2: [v2, 2], v3: [v3, 2], v4: [0, 3] } as Record<string, [number, number]>;
      return plan(list, seen(replicas, { table: table(before) }), settled(), NOW);
    };
    expect(at(1, 1).waiting).toEqual([expect.stringMatching(/^v2 has 1/), expect.stringMatching(/^v3 has 1/)]);
    expect(sharesOf(at(2, 1).table)).toBeUndefined();
    expect(sharesOf(at(2, 2).table)).toEqual(shares);
  });

  test('at the first start one replica is enough: nobody else serves', () => {
    const next = plan(want({ v1: 100 }, { v1: { size: 3, needed: 5 } }), seen({ v1: [1, 3] }), firstMemory(), NOW);
    expect(sharesOf(next.table)).toEqual({ v1: 100 });
  });
});

describe('more replicas than the size, for a share', () => {
  const sizes = { v1: { size: 2 }, v2: { size: 2, needed: 6 } };

  test('are asked for before the share is taken, kept until the move is over, and then given back', () => {
    const planner = new Planner(settled(), table(ALL_V1));
    const list = want(HALVES, sizes);
    expect(sizesOf(planner.plan(list, seen({ v1: [6, 6], v2: [2, 2] })))).toEqual({ v1: 6, v2: 6 });
    expect(sharesOf(planner.table)).toEqual({ v1: 100 });
    expect(sizesOf(planner.plan(list, seen({ v1: [6, 6], v2: [6, 6] })))).toEqual({ v1: 6, v2: 6 });
    expect(sharesOf(planner.table)).toEqual(HALVES);
    const both = (inForce: boolean) => seen({ v1: [6, 6], v2: [6, 6] }, { inForce });
    expect(sizesOf(planner.plan(list, both(false)))).toEqual({ v1: 6, v2: 6 });
    expect(planner.plan(list, both(true)).wakeAt).toBe(NOW + RETIRE_AFTER);
    planner.now += RETIRE_AFTER;
    expect(sizesOf(planner.plan(list, both(true)))).toEqual({ v1: 2, v2: 2 });
  });

  test('are asked for of nobody who keeps or loses its share', () => {
    for (const shares of [HALVES, { v1: 60, v2: 40 }]) {
      const list = want(shares, { v1: { size: 1, needed: 1 }, v2: { size: 2, needed: 6 } });
      const next = plan(list, seen({ v1: [1, 1], v2: [2, 2] }, { table: table(HALVES) }), settled(), NOW);
      expect(sizesOf(next)).toEqual({ v1: 1, v2: 2 });
    }
  });
});

describe('while a move is not over', () => {
  const list = want({ v1: 20, v2: 40, v3: 40 }, { v1: { size: 1 }, v2: { size: 1 }, v3: { size: 1 } });
  const before = { v1: 40, v2: 20, v3: 40 };

  test('nobody shrinks, also who has no part in it; growing goes on', () => {
    const planner = new Planner(settled(), table(before));
    const sizes = (now: Desired) =>
      sizesOf(planner.plan(now, seen({ v1: [4, 4], v2: [4, 4], v3: [4, 4] }, { inForce: true })));
    expect(sizes(list)).toEqual({ v1: 4, v2: 4, v3: 4 });
    planner.now += RETIRE_AFTER / 2;
    const grown = { ...list, versions: list.versions.map((v) => (v.name === 'v3' ? { ...v, size: 7 } : v)) };
    expect(sizes(grown)).toEqual({ v1: 4, v2: 4, v3: 7 });
    planner.now += RETIRE_AFTER / 2;
    expect(sizes(grown)).toEqual({ v1: 4, v2: 4, v3: 7 });
    planner.now += RETIRE_AFTER / 2;
    expect(sizes(grown)).toEqual({ v1: 1, v2: 1, v3: 7 });
  });

  test('a version that is dropped keeps the size that it serves with', () => {
    const planner = new Planner(settled(), table({ v1: 90, v2: 10 }));
    const dropped = want({ v2: 100 }, { v1: { size: 1 } }, ['v1']);
    const at = seen({ v1: [5, 5], v2: [1, 1] }, { door: 'v2' });
    expect(sizesOf(planner.plan(dropped, at))).toEqual({ v1: 5, v2: 1 });
    planner.plan(dropped, at);
    planner.now += RETIRE_AFTER;
    expect(planner.plan(dropped, at)).toMatchObject({ retire: ['v1'], run: [{ name: 'v2', size: 1 }] });
  });

  test('what has lost traffic and is gone by other hands is not remembered for ever', () => {
    const planner = new Planner(settled(), table({ v1: 50, v2: 50 }));
    planner.plan(want({ v2: 100 }, {}, ['v1']), seen({ v1: [1, 1], v2: [1, 1] }));
    expect(planner.memory.lost).toEqual({ v1: {} });
    planner.plan(want({ v2: 100 }), seen({ v2: [1, 1] }));
    expect(Object.keys(planner.memory.lost)).toEqual(['v1']);
    planner.now += RETIRE_AFTER;
    planner.plan(want({ v2: 100 }), seen({ v2: [1, 1] }));
    expect(planner.memory.lost).toEqual({});
  });

  test('a version that is dropped and has a share is asked for what it needs, as any other', () => {
    const list = want({ v2: 40 }, {}, ['v1']);
    const versions = list.versions.map((v) => (v.name === 'v1' ? { ...v, share: 6000, size: 2, needed: 4 } : v));
    const at = seen({ v1: [2, 2], v2: [1, 1] }, { table: table({ v1: 20, v2: 80 }) });
    expect(sizesOf(plan({ ...list, versions }, at, settled(), NOW))).toEqual({ v1: 4, v2: 1 });
    const ready = seen({ v1: [4, 4], v2: [1, 1] }, { table: table({ v1: 20, v2: 80 }) });
    expect(sharesOf(plan({ ...list, versions }, ready, settled(), NOW).table)).toEqual({ v1: 60, v2: 40 });
  });
});
