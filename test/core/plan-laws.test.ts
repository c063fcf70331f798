/** Laws of the planner under any order of edits, crashes, starts, reports and time. */

import { expect, test } from 'vitest';
import { type TrafficTable, trafficTable } from '../../api/traffic-table.ts';
import { ALL } from '../../api/units.ts';
import { type Desired, firstMemory, type Memory, type Observed, type Plan } from '../../core/model.ts';
import { plan } from '../../core/plan.ts';
import fc from '../properties.ts';

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
    size: fc.integer({ min: 1, max: 4 }),
    needed: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
  }),
  fc.record({ do: fc.constant('ready' as const), name, count: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ do: fc.constant('crash' as const), name, count: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ do: fc.constant('vanish' as const), name }),
  fc.record({ do: fc.constant('in force' as const) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 2 * RETIRE_AFTER }) }),
);

interface Listed {
  share: number;
  size: number;
  needed?: number;
}

/** A world that does what plans say and checks each of them. */
class World {
  now = 0;
  listed = new Map<Name, Listed>([['v1', { share: ALL, size: 1 }]]);
  running = new Map<string, { ready: number; size: number }>();
  table: TrafficTable | undefined;
  /** The table that all processes have. */
  inForce: TrafficTable | undefined;
  /** When a version last had a share in a table in force somewhere. */
  lastShare = new Map<string, number>();
  /** When the last move that took traffic from someone came into force; ∞ before it has. */
  movedAt = Number.NEGATIVE_INFINITY;
  door: string | undefined;
  memory: Memory = firstMemory();

  apply(event: typeof step extends fc.Arbitrary<infer T> ? T : never): void {
    if (event.do === 'edit') {
      const points = [0, ...event.cuts.slice(0, event.names.length - 1).sort((a, b) => a - b), ALL];
      const { size, needed } = event;
      const sizes = { size, ...(needed !== undefined && { needed }) };
      this.listed = new Map(
        event.names.map((n, i) => [n, { share: (points[i + 1] as number) - (points[i] as number), ...sizes }]),
      );
    } else if (event.do === 'ready' || event.do === 'crash') {
      const version = this.running.get(event.name);
      if (version) version.ready = Math.min(event.do === 'ready' ? version.size : version.ready, event.count);
    } else if (event.do === 'vanish') {
      // A hand deletes what is leaving.
      if (!this.listed.has(event.name)) this.running.delete(event.name);
    } else if (event.do === 'in force') {
      this.inForce = this.table;
      if (this.movedAt === Number.POSITIVE_INFINITY) this.movedAt = this.now;
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
    this.#checkSizes(next);
    this.#execute(next);
  }

  #desired(): Desired {
    const dropped = [...this.running.keys()].filter((n) => !this.listed.has(n as Name));
    return {
      model: 'm',
      retireAfterMs: RETIRE_AFTER,
      versions: [
        ...[...this.listed].map(([n, listed]) => ({ name: n, shadow: 0, ...listed })),
        ...dropped.map((n) => ({ name: n, share: 0, shadow: 0, size: 1, dropped: true })),
      ],
    };
  }

  #observed(): Observed {
    const versions = [...this.running].map(([n, { ready, size }]) => ({
      name: n,
      exists: true,
      readyReplicas: ready,
      size,
    }));
    return { versions, table: this.table, inForce: this.table === this.inForce, door: this.door };
  }

  #checkTable(written: TrafficTable, starting: boolean): void {
    expect(trafficTable.safeParse(written).error).toBeUndefined();
    expect(written.revision).toBe((this.table?.revision ?? 0) + 1);
    for (const { name: gainer, share } of written.versions) {
      const before = this.table?.versions.find((v) => v.name === gainer)?.share ?? 0;
      if (share < before) this.movedAt = Number.POSITIVE_INFINITY;
      // At the start one that was ready before may gain again though it is not ready now.
      if (share <= before || starting) continue;
      const { size, needed = size } = this.listed.get(gainer as Name) as Listed;
      expect(this.running.get(gainer)?.ready).toBeGreaterThanOrEqual(Math.max(size, needed));
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

  #checkSizes(next: Plan): void {
    for (const { name: of, size } of next.run) {
      const had = this.running.get(of)?.size ?? 0;
      const listed = this.listed.get(of as Name);
      if (listed) expect(size).toBeGreaterThanOrEqual(listed.size);
      if (size < had) {
        expect(this.now - this.movedAt).toBeGreaterThanOrEqual(RETIRE_AFTER);
        const share = (next.table ?? this.table)?.versions.find((v) => v.name === of)?.share ?? 0;
        expect(share).toBeLessThanOrEqual(listed?.share ?? 0);
      }
      // Somebody has to come back, or it would never shrink.
      else if (listed && size > Math.max(listed.size, listed.needed ?? 0) && next.waiting.length === 0) {
        expect(next.wakeAt !== undefined || this.table !== this.inForce || next.table !== undefined).toBe(true);
      }
    }
  }

  #execute(next: Plan): void {
    this.memory = JSON.parse(JSON.stringify(next.memory));
    this.table = next.table ?? this.table;
    for (const { name: n, size } of next.run) {
      this.running.set(n, { ready: Math.min(this.running.get(n)?.ready ?? 0, size), size });
    }
    for (const gone of next.retire) this.running.delete(gone);
    if (next.entry !== undefined) {
      expect(this.running.get(next.entry)?.ready).toBeGreaterThan(0);
      this.door = next.entry;
    }
    if (this.door && !this.running.get(this.door)?.ready) this.door = undefined;
  }
}

test('whatever happens: tables are valid, only versions that are ready in full gain, nothing that is called is stopped or shrunk', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World();
      for (const event of steps) world.apply(event);
    }),
    { numRuns: 300 },
  );
});

test('once all that is listed is ready and reports are in, the stated split is in force at the stated sizes and the rest is gone', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = new World();
      for (const event of steps) world.apply(event);
      world.apply({ do: 'wait', ms: 1 });
      for (const n of NAMES) world.apply({ do: 'ready', name: n, count: 6 });
      world.apply({ do: 'in force' });
      world.apply({ do: 'wait', ms: RETIRE_AFTER });
      const served = world.inForce?.versions.filter((v) => v.share > 0).map((v) => [v.name, v.share]);
      const listed = [...world.listed].map(([n, { share }]) => [n, share] as const).filter(([, share]) => share > 0);
      expect(new Map(served as [Name, number][])).toEqual(new Map(listed));
      const sizes = [...world.running].map(([n, { size }]) => [n, size]).sort();
      expect(sizes).toEqual([...world.listed].map(([n, { size }]) => [n, size]).sort());
      for (const name of Object.keys(world.memory.lost)) expect(world.listed.has(name as Name)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
