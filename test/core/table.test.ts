import { describe, expect, test } from 'vitest';
import { type TrafficTable, trafficTable } from '../../api/traffic-table.ts';
import type { Desired } from '../../core/model.ts';
import { plan } from '../../core/plan.ts';
import { desired, NOW, observed, settled, table } from './build.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const SHARES = { v1: 90, v2: 10 };

type Digests = Record<string, { digest?: string; digestDiffers?: boolean }>;

function want(digests: Digests, shares: Record<string, number> = SHARES): Desired {
  const list = desired(shares);
  return { ...list, versions: list.versions.map((v) => ({ ...v, ...digests[v.name] })) };
}

function written(last: TrafficTable, list: Desired): Record<string, string | undefined> | undefined {
  const next = plan(list, observed({ v1: 1, v2: 1 }, { table: last }), settled(), NOW).table;
  return next && Object.fromEntries(next.versions.map(({ name, digest }) => [name, digest]));
}

function tableWith(digests: Record<string, string> = {}): TrafficTable {
  const plain = table(SHARES);
  const versions = plain.versions.map((v) => (digests[v.name] === undefined ? v : { ...v, digest: digests[v.name] }));
  return trafficTable.parse({ ...plain, versions });
}

describe('the digests of the table', () => {
  test.each<[string, TrafficTable, Desired, Record<string, string | undefined> | undefined]>([
    ['one that has become known is not worth a write', tableWith(), want({ v1: { digest: A } }), undefined],
    [
      'all that are known come with a write for another reason',
      tableWith(),
      want({ v1: { digest: A }, v2: { digest: B } }, { v1: 50, v2: 50 }),
      { v1: A, v2: B },
    ],
    [
      'a process that has another file is reason enough, and brings all that are known',
      tableWith(),
      want({ v1: { digest: A, digestDiffers: true }, v2: { digest: B } }),
      { v1: A, v2: B },
    ],
    ['as they are already', tableWith({ v1: A }), want({ v1: { digest: A, digestDiffers: true } }), undefined],
    [
      'one more beside one that is there',
      tableWith({ v1: A }),
      want({ v1: { digest: A }, v2: { digest: B } }),
      undefined,
    ],
    ['one that is another now', tableWith({ v1: A }), want({ v1: { digest: B } }), { v1: B, v2: undefined }],
    ['one that is lifted', tableWith({ v1: A, v2: B }), want({ v2: { digest: B } }), { v1: undefined, v2: B }],
    ['none at all', tableWith(), want({}), undefined],
  ])('%s', (_, last, list, rows) => expect(written(last, list)).toEqual(rows));

  test('one that is being dropped keeps its own until it has no traffic', () => {
    const list = desired({ v2: 100, v3: 0 }, { dropped: ['v1'] });
    const versions = list.versions.map((v) => (v.name === 'v1' ? { ...v, digest: A } : v));
    const waits = { ...list, versions };
    const at = observed({ v1: 1, v2: 0, v3: 0 }, { table: tableWith({ v1: A }) });
    const next = plan(waits, at, settled(), NOW).table;
    expect(next?.versions.map(({ name, digest }) => [name, digest])).toEqual([
      ['v2', undefined],
      ['v3', undefined],
      ['v1', A],
    ]);
  });
});

test('a table that is read back is the same text, or it would be written twice and refused by those that follow it', () => {
  const list = want({ v1: { digest: A }, v2: { digest: B } }, { v1: 50, v2: 50 });
  for (const last of [undefined, tableWith()]) {
    const next = plan(
      { ...list, cohort: { header: 'x-user-id' } },
      observed({ v1: 1, v2: 1 }, { table: last }),
      last ? settled() : { starting: { joined: ['v1', 'v2'] }, lost: {} },
      NOW,
    ).table;
    expect(next?.cohort).toBeDefined();
    expect(JSON.stringify(trafficTable.parse(next))).toBe(JSON.stringify(next));
  }
});

test.each([
  ['the one that is asked for, whatever its share', 'v2', 'v2'],
  ['the largest, where the one that is asked for is not in the table', 'v9', 'v1'],
  ['the largest, where none is asked for', undefined, 'v1'],
])('primary is %s', (_, primary, is) => {
  const at = observed({ v1: 1, v2: 1 }, { table: table({ v1: 80, v2: 20 }) });
  expect(plan(desired(SHARES, { primary }), at, settled(), NOW).table?.primary).toBe(is);
});
