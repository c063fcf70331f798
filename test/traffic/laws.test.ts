import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { TrafficTable } from '../../api/traffic-table.ts';
import { ALL } from '../../api/units.ts';
import { cohortSlot, ownersOf, randomSlot } from '../../runtime/traffic/picker.ts';
import fc from '../properties.ts';
import { MODEL, rigWith, seeded, tableOf } from './support.ts';

/** Shares of 2 to 5 versions that sum to all. */
const splits = fc
  .array(fc.nat(1000), { minLength: 2, maxLength: 5 })
  .filter((weights) => weights.some((weight) => weight > 0))
  .map((weights) => {
    const total = weights.reduce((a, b) => a + b);
    const shares = weights.map((weight) => Math.floor((weight * ALL) / total));
    const most = shares.indexOf(Math.max(...shares));
    shares[most] = (shares[most] as number) + ALL - shares.reduce((a, b) => a + b);
    return Object.fromEntries(shares.map((share, i) => [`v${i + 1}`, share]));
  });

const ownerOf = (table: TrafficTable, slot: number) => table.versions[ownersOf(table)[slot] as number]?.name;

describe('the laws of the split', () => {
  test('each version owns as many slots as its share, exactly, 0 and 10,000 included', () => {
    fc.assert(
      fc.property(splits, (shares) => {
        const table = tableOf({ shares });
        const owned = new Map<string, number>();
        for (const index of ownersOf(table)) {
          const { name } = table.versions[index] as { name: string };
          owned.set(name, (owned.get(name) ?? 0) + 1);
        }
        for (const [name, share] of Object.entries(shares)) expect(owned.get(name) ?? 0).toBe(share);
      }),
    );
  });

  test('counts of drawn requests stay within six sigma of a binomial', () => {
    fc.assert(
      fc.property(splits, fc.integer(), (shares, seed) => {
        const table = tableOf({ shares });
        const owners = ownersOf(table);
        const random = seeded(seed);
        const n = 20_000;
        const counts = new Map<string, number>();
        for (let i = 0; i < n; i++) {
          const { name } = table.versions[owners[randomSlot(random)] as number] as { name: string };
          counts.set(name, (counts.get(name) ?? 0) + 1);
        }
        for (const [name, share] of Object.entries(shares)) {
          const p = share / ALL;
          expect(Math.abs((counts.get(name) ?? 0) - n * p)).toBeLessThanOrEqual(6 * Math.sqrt(n * p * (1 - p)));
        }
      }),
      { seed: 7, numRuns: 50 },
    );
  });

  test('cohorts spread like requests: 20,000 users stay within six sigma', () => {
    const owners = ownersOf(tableOf({ shares: { v1: 9000, v2: 1000 } }));
    let moved = 0;
    for (let user = 0; user < 20_000; user++) moved += owners[cohortSlot(MODEL, `user-${user}`)] as number;
    expect(Math.abs(moved - 2000)).toBeLessThanOrEqual(6 * Math.sqrt(20_000 * 0.1 * 0.9));
  });

  test('the cohort hash is what the documentation says, for any bytes on the wire', () => {
    expect(cohortSlot('digits', 'alice')).toBe(4856);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        const digest = createHash('sha256').update('digits\0').update(bytes).digest('hex');
        const expected = Number(BigInt(`0x${digest.slice(0, 12)}`) % 10_000n);
        expect(cohortSlot('digits', Buffer.from(bytes).toString('latin1'))).toBe(expected);
      }),
    );
  });

  test('as one weight grows, a user moves at most once, to the growing version, and never back', () => {
    const steps = fc.array(fc.nat(ALL), { minLength: 1, maxLength: 12 }).map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(splits, steps, fc.string({ minLength: 1 }), (start, targets, user) => {
        let table = tableOf({ shares: { ...start, canary: 0 } });
        const slot = cohortSlot(MODEL, Buffer.from(user).toString('latin1'));
        const seen = [ownerOf(table, slot)];
        for (const canary of targets) {
          const rest = Object.entries(start).map(([name, share]) => [name, Math.floor((share * (ALL - canary)) / ALL)]);
          const shares = { ...Object.fromEntries(rest), canary: 0 } as Record<string, number>;
          shares.canary = ALL - Object.values(shares).reduce((a, b) => a + b, 0);
          table = tableOf({ shares, previous: table });
          if (ownerOf(table, slot) !== seen.at(-1)) seen.push(ownerOf(table, slot));
        }
        expect(seen.length).toBeLessThanOrEqual(2);
        if (seen.length === 2) expect(seen[1]).toBe('canary');
      }),
    );
  });

  test('over any walk, a move displaces only as many slots as the shares that grow', () => {
    fc.assert(
      fc.property(fc.array(splits, { minLength: 2, maxLength: 8 }), (walk) => {
        let table = tableOf({ shares: walk[0] as Record<string, number> });
        for (const shares of walk.slice(1)) {
          const next = tableOf({ shares, previous: table });
          let displaced = 0;
          for (let slot = 0; slot < ALL; slot += 1) displaced += ownersDiffer(table, next, slot);
          const before = new Map(table.versions.map(({ name, share }) => [name, share]));
          const growth = Object.entries(shares).map(([name, share]) => Math.max(0, share - (before.get(name) ?? 0)));
          expect(displaced).toBe(growth.reduce((a, b) => a + b, 0));
          table = next;
        }
      }),
      { numRuns: 20 },
    );
  });
});

const tables = new WeakMap<TrafficTable, (string | undefined)[]>();
function ownersDiffer(a: TrafficTable, b: TrafficTable, slot: number): number {
  const names = (table: TrafficTable) => {
    const known = tables.get(table) ?? Array.from(ownersOf(table), (index) => table.versions[index]?.name);
    tables.set(table, known);
    return known;
  };
  return names(a)[slot] === names(b)[slot] ? 0 : 1;
}

describe('the split as a whole', () => {
  test('with 100 to 0 everything is own, with 0 to 100 nothing is drawn for own', async () => {
    const all = await rigWith(tableOf({ shares: { v1: ALL, v2: 0 } }));
    const none = await rigWith(tableOf({ shares: { v1: 0, v2: ALL } }));
    for (let i = 0; i < 5_000; i++) {
      await all.send();
      await none.send();
    }
    expect(all.book.of('v1').routed).toBe(5_000);
    expect(all.book.of('v2').routed).toBe(0);
    expect(none.book.of('v1').routed).toBe(0);
    expect(none.book.of('v2')).toMatchObject({ routed: 5_000, forwarded: 0, shielded: { unreachable: 5_000 } });
  });

  test('a cohort gets the same version with every request and in every pod', async () => {
    const table = tableOf({ shares: { v1: 5000, v2: 5000 }, cohort: 'X-User-Id' });
    for (const ownVersion of ['v1', 'v2']) {
      const { send, book } = await rigWith(table, { ownVersion, random: Math.random });
      for (let i = 0; i < 50; i++) await send({ headers: { 'x-user-id': 'alice' } });
      expect(book.of(ownerOf(table, 4856) as string).routed).toBe(50);
    }
  });

  test('a request without its cohort header, or with an empty one, is drawn by chance', async () => {
    const { send, book } = await rigWith(tableOf({ shares: { v1: 5000, v2: 5000 }, cohort: 'x-user-id' }));
    for (let i = 0; i < 200; i++) await send({ headers: i % 2 ? {} : { 'x-user-id': '' } });
    expect(book.of('v1').routed).toBeGreaterThan(50);
    expect(book.of('v2').routed).toBeGreaterThan(50);
  });
});
