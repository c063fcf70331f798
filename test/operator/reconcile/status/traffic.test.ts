/** The split in force, as far as it is known. */
import { describe, expect, test } from 'vitest';
import type { StatusFacts } from '../../../../operator/reconcile/status/facts.ts';
import { facts, report, table, told, unready, version } from './build.ts';

describe('the split in force', () => {
  const two = [version('v1'), version('v2')];
  const split = (shares: Record<string, number>, name = 'v1') => new Map([[`digits-${name}-0`, report({}, shares)]]);
  const reporting = (a: Record<string, number>, b: Record<string, number>) => [
    version('v1', { reports: split(a) }),
    version('v2', { reports: split(b, 'v2') }),
  ];
  const previous = { traffic: 'v1:100' };
  const wanted = table({ v1: 90, v2: 10 });
  const old = { v1: 10_000 };
  const next = { v1: 9_000, v2: 1_000 };
  const cases: Record<string, [Partial<StatusFacts>, string | undefined, (number | undefined)[]]> = {
    'is the table once all follow it': [{ versions: two, table: wanted }, 'v1:90 v2:10', [90, 10]],
    'is the old one when all pods still report that': [
      { versions: reporting(old, old), table: wanted, inForce: false },
      'v1:100',
      [100, 0],
    ],
    'is not known in the middle of a move; the last one is told': [
      { versions: reporting(old, next), table: wanted, inForce: false, previous },
      'v1:100',
      [undefined, undefined],
    ],
    'is not known while a report is missing': [
      { versions: [version('v1', { reports: split(next) }), version('v2')], table: wanted, inForce: false, previous },
      'v1:100',
      [undefined, undefined],
    ],
    'is nowhere in force while no pod is ready': [
      { versions: [unready('v1', []), unready('v2', [])], table: wanted },
      undefined,
      [undefined, undefined],
    ],
  };

  test.each(Object.entries(cases))('%s', (_name, [more, traffic, shares]) => {
    const said = told(facts(more));
    expect(said.traffic).toBe(traffic);
    expect(said.versions?.map(({ trafficInForce }) => trafficInForce)).toEqual(shares);
    expect(said.versions?.map((one) => one.traffic)).toEqual([90, 10]);
  });
});
