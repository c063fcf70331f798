import { describe, expect, it } from 'vitest';
import type { Diffs } from '../../../api/diffs.ts';
import { collectDiffs, diffLines, diffTable, nothingKept } from '../../../cli/diffs/text.ts';
import { plainPaint, visibleWidth } from '../../../cli/output.ts';
import { NOW, START } from './fixtures.ts';

const tensor = (name: string, datatype: string, shape: number[], data: (number | string)[], cutFrom?: number) => ({
  name,
  datatype,
  shape,
  data,
  ...(cutFrom !== undefined && { cutFrom }),
});

const kept = (at: string, reason: string): Diffs['diffs'][number] => ({
  at,
  version: 'v2',
  reason,
  inputs: [tensor('image', 'FP32', [1, 64], [0, 0.5, 1], 64)],
  stable: [tensor('label', 'INT64', [1], [4])],
  canary: [tensor('label', 'INT64', [1], [9])],
});

const answer = (diffs: Diffs['diffs'], keep = 20): Diffs => ({ model: 'digits', stable: 'v1', keep, diffs });

const ALL = collectDiffs([
  {
    process: 'digits-v1-a',
    answer: answer([kept('2026-11-21T05:02:00Z', 'label: 4 and 9'), kept(START, 'label: 1 and 7')]),
  },
  { process: 'digits-v1-b', answer: answer([kept('2026-11-21T05:01:00Z', 'label: 3 and 8')]) },
]);
const look = (width = 100) => ({ now: NOW, width, paint: plainPaint });

describe('kept differing requests', () => {
  it('are a table of all processes, the newest first', () => {
    expect(diffTable(ALL, look())).toEqual([
      '#  WHEN  VERSIONS  WHAT DIFFERS',
      '1  60s   v1 → v2   label: 4 and 9',
      '2  2m    v1 → v2   label: 3 and 8',
      '3  3m    v1 → v2   label: 1 and 7',
    ]);
  });

  it('are shown whole, a cut tensor as what is left of it', () => {
    expect(diffLines(ALL[0] as (typeof ALL)[number], look())).toEqual([
      '2026-11-21T05:02:00Z v1 → v2, kept by digits-v1-a',
      'label: 4 and 9',
      'input  image FP32 [0, 0.5, 1] (first of 64 values)',
      'v1     label INT64 [4]',
      'v2     label INT64 [9]',
    ]);
    const narrow = diffLines(ALL[0] as (typeof ALL)[number], look(30));
    expect(Math.max(...narrow.map(visibleWidth))).toBeLessThanOrEqual(30);
  });

  it('that are none say how to switch them on, and why they are off', () => {
    expect(nothingKept('digits', 0)).toMatch(
      /set rollout\.analysis\.compare\.keep .*off by default because .*what your users sent/,
    );
    expect(nothingKept('digits', 5)).toMatch(/none differed since the processes started.*up to 5/);
  });
});
