/** Laws of the planner under any order of edits, crashes, starts, reports and time. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type TrafficTable, trafficTable } from '../../api/traffic-table.ts';
import { ALL } from '../../api/units.ts';
import { type Desired, firstMemory, type Memory, type Observed, type Plan } from '../../core/model.ts';
import { plan } from '../../core/plan.ts';

const NAMES = ['v1', 'v2', 'v3', 'v4'] as const;
type Name = (typeof NAMES)[number];
const RETIRE_AFTER = 1_000;

const name = fc.constantFrom(...NAMES);
const step = fc.oneof(
  fc.record({
    do: fc.constant('edit' as const),
    names: fc.uniqueArray(name, { minLength: 1 }),
    cuts: fc.array(
      fc.integer({ min: 0, max: 4 }).map((n) => n * 2_500),
      { minLength: 3, maxLength: 3 },
    ),
  }),
  fc.record({ do: fc.constant('ready' as const), name }),
  fc.record({ do: fc.constant('crash' as const), name }),
  fc.record({ do: fc.constant('in force' as const) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 2 * RETIRE_AFTER }) }),
);

/** A world that does what plans say and checks each of them. */
class World {
  now = 0;
  listed = new Map<Name, number>([['v1', ALL]]);
  running = new Map<string, { ready: boolean }>();
  table: TrafficTable | undefined;
  /** The table that all processes have. */
  inForce: TrafficTable | undefined;
  /** When a version last had a share in a table in force somewhere. */
  lastShare = new Map<string, number>();
  door: string | undefined;
  memory: Memory = firstMemory();

  apply(event: typeof step extends fc.Arbitrary<infer T> ? T : never): void {
    if (event.do === 'edit') {
      const points = [0, ...event.cuts.slice(0, event.names.length - 1).sort((a, b) => a - b), ALL];
      this.listed = new Map(event.names.map((n, i) => [n, (points[i + 1] as number) - (points[i] as number)]));
    } else if (event.do === 'ready' || event.do === 'crash') {
      const version = this.running.get(event.name);
      if (version) version.ready = event.do === 'ready';
    } else if (event.do === 'in force') {
      this.inForce = this.table;
    } else {
      this.now += event.ms;
    }
    for (let again = 0; again < 3; again++) this.#pass();
  }

  #pass(): void {
    for (const shown of [this.table, this.inForce]) {
      for (const { name: of, share } of shown?.versions ?? []) if (share > 0) this.lastShare.set(of, this.now);
    }
    const desired = this.#desired();
    const observed = this.#observed();
    const starting = this.memory.starting !== undefined;
    const next = plan(desired, observed, this.memory, this.now);
    expect(next.run.length + next.retire.length).toBe(desired.versions.length);
    if (next.table) this.#checkTable(next.table, starting);
    for (const gone of next.retire) this.#checkRetire(gone, next);
    this.#execute(next);
  }

  #desired(): Desired {
    const dropped = [...this.running.keys()].filter((n) => !this.listed.has(n as Name));
    return {
      model: 'm',
      retireAfterMs: RETIRE_AFTER,
      versions: [
        ...[...this.listed].map(([n, share]) => ({ name: n, share, shadow: 0, size: 1 })),
        ...dropped.map((n) => ({ name: n, share: 0, shadow: 0, size: 1, dropped: true })),
      ],
    };
  }

  #observed(): Observed {
    const versions = [...this.running].map(([n, { ready }]) => ({
      name: n,
      exists: true,
      readyReplicas: ready ? 1 : 0,
    }));
    return { versions, table: this.table, inForce: this.table === this.inForce, door: this.door };
  }

  #checkTable(written: TrafficTable, starting: boolean): void {
    expect(trafficTable.safeParse(written).error).toBeUndefined();
    expect(written.revision).toBe((this.table?.revision ?? 0) + 1);
    for (const { name: gainer, share } of written.versions) {
      const before = this.table?.versions.find((v) => v.name === gainer)?.share ?? 0;
      // At the start one that was ready before may gain again though it is not ready now.
      if (share > before && !starting) expect(this.running.get(gainer)?.ready).toBe(true);
    }
  }

  #checkRetire(gone: string, next: Plan): void {
    expect(this.listed.has(gone as Name)).toBe(false);
    expect(gone).not.toBe(this.door);
    expect(gone).not.toBe(next.entry);
    for (const shown of [this.table, this.inForce, next.table]) {
      expect(shown?.versions.find((v) => v.name === gone)?.share ?? 0).toBe(0);
    }
    expect(this.now - (this.lastShare.get(gone) ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(RETIRE_AFTER);
  }

  #execute(next: Plan): void {
    this.memory = JSON.parse(JSON.stringify(next.memory));
    this.table = next.table ?? this.table;
    for (const { name: n } of next.run) if (!this.running.has(n)) this.running.set(n, { ready: false });
    for (const gone of next.retire) this.running.delete(gone);
    if (next.entry !== undefined) {
      expect(this.running.get(next.entry)?.ready).toBe(true);
      this.door = next.entry;
    }
    if (this.door && !this.running.get(this.door)?.ready) this.door = undefined;
  }
}

test('whatever happens: tables are valid, only ready versions gain, nothing that is called is stopped', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World();
      for (const event of steps) world.apply(event);
    }),
    { numRuns: 300 },
  );
});

test('once all that is listed is ready and reports are in, the stated split is in force and the rest is gone', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = new World();
      for (const event of steps) world.apply(event);
      world.apply({ do: 'wait', ms: 1 });
      for (const n of NAMES) world.apply({ do: 'ready', name: n });
      world.apply({ do: 'in force' });
      world.apply({ do: 'wait', ms: RETIRE_AFTER });
      const shares = world.inForce?.versions.filter((v) => v.share > 0).map((v) => [v.name, v.share]);
      expect(new Map(shares as [Name, number][])).toEqual(new Map([...world.listed].filter(([, share]) => share > 0)));
      expect([...world.running.keys()].sort()).toEqual([...world.listed.keys()].sort());
    }),
    { numRuns: 300 },
  );
});
