import { describe, expect, it } from 'vitest';
import { trafficTable } from '../../api/traffic-table.ts';

const row = (name: string, ...ranges: [number, number][]) => ({
  name,
  share: ranges.reduce((sum, [from, to]) => sum + to - from, 0),
  ranges,
});

const table = (...versions: unknown[]) => ({ model: 'digits', revision: 1, primary: 'v1', versions });

const refusals = (value: unknown) => trafficTable.safeParse(value).error?.issues.map(({ message }) => message) ?? [];

describe('a traffic table', () => {
  it('is right when every slot has one owner', () => {
    expect(refusals(table(row('v1', [0, 9_000]), row('v2', [9_000, 10_000])))).toEqual([]);
    expect(refusals(table(row('v1', [0, 1], [5_000, 10_000]), row('v2', [1, 5_000])))).toEqual([]);
  });

  it('may list a version without slots: a shadow, or one that waits', () => {
    expect(refusals(table(row('v1', [0, 10_000]), { ...row('v2'), shadow: 2_000 }))).toEqual([]);
  });

  it('may say which file a version must have', () => {
    expect(refusals(table({ ...row('v1', [0, 10_000]), digest: 'a0'.repeat(32) }))).toEqual([]);
    for (const digest of ['', 'a0'.repeat(31), 'A0'.repeat(32), `sha256:${'a0'.repeat(32)}`]) {
      expect(refusals(table({ ...row('v1', [0, 10_000]), digest })), digest).not.toEqual([]);
    }
  });

  it.each([
    [
      'a slot with two owners',
      table(row('v1', [0, 10_000]), row('v2', [9_999, 10_000])),
      'slot 9999 belongs to v1 and v2',
    ],
    ['a version that is listed twice', table(row('v1', [0, 10_000]), row('v1')), 'version v1 is listed twice'],
    ['a slot without an owner', table(row('v1', [0, 9_999])), 'slot 9999 belongs to no version'],
    [
      'a share that is not its slots',
      table({ ...row('v1', [0, 10_000]), share: 9_000 }),
      'v1 has share 9000 but 10000 slots',
    ],
    [
      'a primary that is not listed',
      { ...table(row('v1', [0, 10_000])), primary: 'v0' },
      'primary v0 is not a version of the table',
    ],
  ])('refuses %s', (_, value, message) => {
    expect(refusals(value)).toContain(message);
  });
});
