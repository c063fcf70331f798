import { describe, expect, test } from 'vitest';
import type { Desired, Memory, Observed } from '../../core/model.ts';
import { firstMemory } from '../../core/model.ts';
import { plan } from '../../core/plan.ts';
import { desired, NOW, observed, Planner, RETIRE_AFTER, settled, sharesOf, table } from './build.ts';

interface Case {
  want: Desired;
  seen: Observed;
  memory?: Memory;
  /** Shares of the table to write, in percent; undefined for none. */
  write?: Record<string, number> | undefined;
  primary?: string;
  entry?: string | undefined;
  run?: string[];
  retire?: string[];
  waiting?: RegExp[];
}

function check({ want, seen, memory = settled(), write, primary, entry, run, retire, waiting = [] }: Case): void {
  const next = plan(want, seen, memory, NOW);
  expect(sharesOf(next.table)).toEqual(write);
  if (primary) expect(next.table?.primary).toBe(primary);
  expect(next.entry).toBe(entry);
  if (run) expect(next.run.map(({ name }) => name)).toEqual(run);
  expect(next.retire).toEqual(retire ?? []);
  expect(next.waiting).toHaveLength(waiting.length);
  for (const [i, pattern] of waiting.entries()) expect(next.waiting[i]).toMatch(pattern);
}

const NINETY_TEN = { v1: 90, v2: 10 };

describe('the first start', () => {
  const memory = firstMemory();
  test.each<[string, Case]>([
    [
      'nothing is ready: everything listed is started and nothing is served',
      {
        want: desired(NINETY_TEN),
        seen: observed({}, { inForce: false }),
        run: ['v1', 'v2'],
        waiting: [/^v1 is not ready; the split v1 90%, v2 10% takes effect/, /^v2/],
      },
    ],
    [
      'the first that is ready serves all',
      {
        want: desired(NINETY_TEN),
        seen: observed({ v2: 1, v1: 0 }),
        write: { v2: 100 },
        entry: 'v2',
        waiting: [/^v1/],
      },
    ],
    [
      'what is missing goes to the largest that is ready',
      {
        want: desired({ v1: 60, v2: 10, v3: 30 }),
        seen: observed({ v2: 1, v3: 1 }),
        write: { v2: 10, v3: 90 },
        entry: 'v3',
        waiting: [/^v1/],
      },
    ],
    [
      'all are ready: the stated split, with the largest at the door',
      { want: desired({ v1: 10, v2: 90 }), seen: observed({ v1: 1, v2: 1 }), write: { v1: 10, v2: 90 }, entry: 'v2' },
    ],
    [
      'a version without traffic is started, and neither waited for nor put before users',
      {
        want: desired({ v1: 100, v2: 0 }),
        seen: observed({ v1: 0, v2: 1 }),
        run: ['v1', 'v2'],
        waiting: [/^v1/],
      },
    ],
  ])('%s', (_, row) => check({ memory, ...row }));

  test('versions come one by one: the final slots are those of a start at once', () => {
    const want = desired({ v1: 60, v2: 10, v3: 30 });
    const planner = new Planner(firstMemory());
    planner.plan(want, observed({ v2: 1 }));
    planner.plan(want, observed({ v2: 1, v3: 1 }));
    planner.plan(want, observed({ v1: 1, v2: 1, v3: 1 }));
    const atOnce = new Planner(firstMemory());
    atOnce.plan(want, observed({ v1: 1, v2: 1, v3: 1 }));
    const slots = (of: Planner) => of.table?.versions.map(({ name, ranges }) => [name, ranges]);
    expect(slots(planner)).toEqual(slots(atOnce));
    expect(planner.table?.revision).toBe(3);
    expect(planner.memory.starting).toBeUndefined();
  });

  test('after a restart every cohort finds the version that it had', () => {
    const ranges: [number, number][] = [
      [0, 500],
      [9500, 10000],
    ];
    const base = [
      { name: 'v1', ranges: [[500, 9500] as const] },
      { name: 'v2', ranges },
    ];
    const planner = new Planner(firstMemory(base));
    const want = desired(NINETY_TEN);
    planner.plan(want, observed({ v1: 1 }));
    planner.plan(want, observed({ v1: 1, v2: 1 }));
    expect(planner.table?.versions.find((v) => v.name === 'v2')?.ranges).toEqual(ranges);
  });

  test('one that was ready and crashes while another is awaited keeps its share', () => {
    const want = desired({ v1: 60, v2: 30, v3: 10 });
    const planner = new Planner(firstMemory());
    planner.plan(want, observed({ v1: 1, v2: 1 }));
    const next = planner.plan(want, observed({ v1: 1, v2: 0 }));
    expect(next.table).toBeUndefined();
    planner.plan(want, observed({ v1: 1, v2: 0, v3: 1 }));
    expect(sharesOf(planner.table)).toEqual({ v1: 60, v2: 30, v3: 10 });
  });

  test('an edit in the middle of it starts the new split, from whoever is ready', () => {
    const planner = new Planner(firstMemory());
    planner.plan(desired(NINETY_TEN), observed({ v1: 1 }));
    const next = planner.plan(desired({ v1: 50, v3: 50 }, { dropped: ['v2'] }), observed({ v1: 1, v2: 0 }));
    expect(next.run.map(({ name }) => name)).toEqual(['v1', 'v3', 'v2']);
    expect(sharesOf(planner.table)).toEqual({ v1: 100 });
  });
});

describe('a change of the split', () => {
  test.each<[string, Case]>([
    [
      'nothing changed: nothing is written',
      { want: desired(NINETY_TEN), seen: observed({ v1: 1, v2: 1 }, { table: table(NINETY_TEN) }), entry: 'v1' },
    ],
    [
      'all its versions are ready: it takes effect at once, and the door follows the largest share',
      {
        want: desired({ v1: 0, v2: 100 }),
        seen: observed({ v1: 1, v2: 1 }, { table: table(NINETY_TEN) }),
        write: { v2: 100 },
        primary: 'v2',
        entry: 'v2',
        run: ['v1', 'v2'],
      },
    ],
    [
      'a new version is not ready: what was served is served on, all of it kept running',
      {
        want: desired({ v2: 40, v3: 60 }, { dropped: ['v1'] }),
        seen: observed({ v1: 1, v2: 1 }, { table: table({ v1: 90, v2: 10, v3: 0 }) }),
        write: { v1: 90, v2: 10 },
        entry: 'v1',
        run: ['v2', 'v3', 'v1'],
        waiting: [/^v3 is not ready; the split v2 40%, v3 60% takes effect when it is/],
      },
    ],
    [
      'the new version is ready: weights move in one revision, and nothing is stopped yet',
      {
        want: desired({ v2: 40, v3: 60 }, { dropped: ['v1'] }),
        seen: observed({ v1: 1, v2: 1, v3: 1 }, { table: table({ v2: 10, v3: 0, v1: 90 }), door: 'v1' }),
        write: { v2: 40, v3: 60 },
        entry: 'v3',
        run: ['v2', 'v3', 'v1'],
      },
    ],
    [
      'of two equal shares the primary stays',
      {
        want: desired({ v1: 50, v2: 50 }),
        seen: observed({ v1: 1, v2: 1 }, { table: table({ v1: 10, v2: 90 }) }),
        write: { v1: 50, v2: 50 },
        primary: 'v2',
        entry: 'v2',
      },
    ],
    [
      'a version in force that crashed keeps its share',
      {
        want: desired(NINETY_TEN),
        seen: observed({ v1: 1, v2: 0 }, { table: table(NINETY_TEN) }),
        entry: 'v1',
        waiting: [/^v2 is not ready; another version answers for it/],
      },
    ],
    [
      'a version that loses everything need not be ready',
      {
        want: desired({ v1: 0, v2: 100 }),
        seen: observed({ v1: 0, v2: 1 }, { table: table(NINETY_TEN) }),
        write: { v2: 100 },
        entry: 'v2',
      },
    ],
    [
      'a version goes on listed without traffic: it keeps running and stays addressable',
      {
        want: desired({ v1: 100, v2: 0 }),
        seen: observed({ v1: 1, v2: 1 }, { table: table(NINETY_TEN) }),
        write: { v1: 100 },
        entry: 'v1',
        run: ['v1', 'v2'],
      },
    ],
  ])('%s', (_, row) => check(row));

  test('a no-op plan has no table even when the key order of the last one differs', () => {
    const { versions, ...rest } = table(NINETY_TEN);
    const reordered = { versions: versions.map(({ name, ...v }) => ({ ...v, name })), ...rest };
    expect(
      plan(desired(NINETY_TEN), observed({ v1: 1, v2: 1 }, { table: reordered }), settled(), NOW).table,
    ).toBeUndefined();
  });

  test('each change is one revision more', () => {
    const planner = new Planner(settled(), table(NINETY_TEN));
    planner.plan(desired({ v1: 50, v2: 50 }), observed({ v1: 1, v2: 1 }));
    planner.plan(desired({ v1: 50, v2: 50 }), observed({ v1: 1, v2: 1 }));
    planner.plan(desired({ v1: 0, v2: 100 }), observed({ v1: 1, v2: 1 }));
    expect(planner.table?.revision).toBe(9);
  });

  test('cohort, shadow and addresses are content: a change of one is written, with the slots as they were', () => {
    const before = table(NINETY_TEN);
    const moved = observed({ v1: 1, v2: 1 }, { table: before });
    moved.versions = moved.versions.map((v) => ({ ...v, address: { host: 'elsewhere', http: 1 } }));
    const want = desired(NINETY_TEN, { cohort: { header: 'x-user-id' } });
    want.versions = [...want.versions, { name: 'v3', share: 0, shadow: 2000, size: 1 }];
    const next = plan(want, moved, settled(), NOW).table;
    expect(next?.revision).toBe(8);
    expect(next?.cohort).toEqual({ header: 'x-user-id' });
    expect(next?.versions.map((v) => v.shadow)).toEqual([0, 0, 2000]);
    expect(next?.versions.map((v) => v.address?.host)).toEqual(['elsewhere', 'elsewhere', undefined]);
    expect(next?.versions.slice(0, 2).map((v) => v.ranges)).toEqual(before.versions.map((v) => v.ranges));
  });

  test('a version of another table of which nothing is known keeps its slots until the new split', () => {
    const next = plan(desired({ v2: 100 }), observed({ v2: 0 }, { table: table(NINETY_TEN) }), settled(), NOW);
    expect(sharesOf(next.table ?? table(NINETY_TEN))).toEqual({ v1: 90, v2: 10 });
  });
});

describe('the door', () => {
  const seen = (ready: Record<string, number>, door?: string) =>
    observed(ready, { table: table({ v1: 60, v2: 20, v3: 20, v4: 0 }), door });
  const want = desired({ v1: 60, v2: 20, v3: 20, v4: 0 });
  test.each<[string, Observed, string | undefined]>([
    ['the primary is ready', seen({ v1: 1, v2: 1, v3: 1 }), 'v1'],
    ['the primary is back: the door returns to it', seen({ v1: 1, v2: 1 }, 'v2'), 'v1'],
    ['the primary is gone: the largest that is ready', seen({ v1: 0, v2: 1, v3: 1 }), 'v2'],
    ['the primary is gone: of equals the one that has the door keeps it', seen({ v1: 0, v2: 1, v3: 1 }, 'v3'), 'v3'],
    ['only a version without traffic is ready: nobody, requests wait', seen({ v4: 1 }), undefined],
    ['nobody is ready: the door stays where it is', seen({ v1: 0 }, 'v1'), undefined],
  ])('%s', (_, at, entry) => {
    expect(plan(want, at, settled(), NOW).entry).toBe(entry);
  });
});

describe('retiring', () => {
  const want = desired({ v2: 100 }, { dropped: ['v1'] });
  const both = (more: Partial<Observed> = {}) => observed({ v1: 1, v2: 1 }, { door: 'v2', ...more });

  test('a dropped version stops when the table without it is in force everywhere and the delay is over', () => {
    const planner = new Planner(settled(), table(NINETY_TEN));
    expect(planner.plan(want, both({ door: 'v1' })).retire).toEqual([]);
    planner.now += 10 * RETIRE_AFTER;
    const waiting = planner.plan(want, both({ inForce: false }));
    expect([waiting.retire, waiting.wakeAt]).toEqual([[], undefined]);
    const inForceAt = planner.now;
    expect(planner.plan(want, both())).toMatchObject({ retire: [], wakeAt: inForceAt + RETIRE_AFTER });
    planner.now += RETIRE_AFTER - 1;
    expect(planner.plan(want, both()).retire).toEqual([]);
    planner.now += 1;
    expect(planner.plan(want, both())).toMatchObject({ retire: ['v1'], run: [{ name: 'v2' }] });
  });

  test('not while it holds the door', () => {
    const planner = new Planner(settled({ v1: { at: 0 } }), table({ v2: 100 }));
    expect(planner.plan(want, both({ door: 'v1' })).retire).toEqual([]);
    expect(planner.plan(want, both()).retire).toEqual(['v1']);
  });

  test('a version that never was in a table goes at once', () => {
    const planner = new Planner(settled(), table({ v2: 100 }));
    expect(planner.plan(want, observed({ v1: 0, v2: 1 }, { door: 'v2' })).retire).toEqual(['v1']);
  });

  test('a version that is listed again stays, and its delay starts anew when it is dropped again', () => {
    const planner = new Planner(settled({ v1: { at: NOW } }), table({ v2: 100 }));
    planner.plan(desired({ v1: 50, v2: 50 }), both());
    expect(planner.memory.lost.v1).toBeUndefined();
    planner.plan(want, both());
    expect(planner.memory.lost.v1).toEqual({});
  });

  test('a listed version is not shrunk before its lower share is in force and the delay is over', () => {
    const shrinking = (share: number) => {
      const list = desired({ v1: share, v2: 100 - share });
      return { ...list, versions: list.versions.map((v) => ({ ...v, size: v.name === 'v1' ? 1 : 5 })) };
    };
    const seen = (inForce: boolean) => {
      const at = observed({ v1: 5, v2: 5 }, { inForce });
      return { ...at, versions: at.versions.map((v) => ({ ...v, size: v.name === 'v1' ? 5 : 1 })) };
    };
    const sizes = (run: { name: string; size: number }[]) => Object.fromEntries(run.map((r) => [r.name, r.size]));
    const planner = new Planner(settled(), table(NINETY_TEN));
    expect(
      sizes(planner.plan(shrinking(10), { ...seen(true), versions: seen(true).versions.slice(0, 1) }).run),
    ).toEqual({
      v1: 5,
      v2: 5,
    });
    expect(sizes(planner.plan(shrinking(10), seen(true)).run)).toEqual({ v1: 5, v2: 5 });
    expect(sizes(planner.plan(shrinking(10), seen(false)).run)).toEqual({ v1: 5, v2: 5 });
    planner.plan(shrinking(10), seen(true));
    planner.now += RETIRE_AFTER;
    expect(sizes(planner.plan(shrinking(10), seen(true)).run)).toEqual({ v1: 1, v2: 5 });
  });

  test('a size alone changes at once, either way', () => {
    const list = desired({ v1: 100 });
    const sized = (size: number) => ({ ...list, versions: list.versions.map((v) => ({ ...v, size })) });
    const seen = observed({ v1: 3 }, { table: table({ v1: 100 }) });
    seen.versions = seen.versions.map((v) => ({ ...v, size: 3 }));
    for (const size of [1, 5]) expect(plan(sized(size), seen, settled(), NOW).run).toEqual([{ name: 'v1', size }]);
  });
});
