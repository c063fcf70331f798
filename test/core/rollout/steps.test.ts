import { describe, expect, test } from 'vitest';
import { signatureProblems } from '../../../core/rollout/signature.ts';
import { allThatMoves, gainersOf, type Shares, sameShares, sharesAt } from '../../../core/rollout/steps.ts';
import { durationWords } from '../../../core/rollout/words.ts';
import fc from '../../properties.ts';

describe('shares of a step', () => {
  test.each<[string, Shares, Shares, number, Shares]>([
    ['one to another', { v1: 10_000 }, { v2: 10_000 }, 500, { v1: 9500, v2: 500 }],
    ['two gain by their parts', { v1: 10_000 }, { v2: 7500, v3: 2500 }, 500, { v1: 9500, v2: 375, v3: 125 }],
    ['nothing moved', { v1: 10_000 }, { v2: 10_000 }, 0, { v1: 10_000 }],
    ['all that moves', { v1: 9000, v2: 1000 }, { v1: 7500, v2: 2500 }, 1500, { v1: 7500, v2: 2500 }],
    ['more than moves', { v1: 9000, v2: 1000 }, { v1: 7500, v2: 2500 }, 5000, { v1: 7500, v2: 2500 }],
    ['who keeps its share keeps it', { v1: 5000, v2: 5000 }, { v2: 5000, v3: 5000 }, 1, { v1: 4999, v2: 5000, v3: 1 }],
    ['equal remainders go by name', { v1: 10_000 }, { b: 5000, a: 5000 }, 1, { v1: 9999, a: 1 }],
  ])('%s', (_, from, to, moved, shares) => expect(sharesAt(from, to, moved)).toEqual(shares));

  const split = fc.array(fc.nat(10_000), { minLength: 4, maxLength: 4 }).map((cuts): Shares => {
    const points = [0, ...cuts.sort((a, b) => a - b), 10_000];
    return Object.fromEntries(points.slice(1).map((to, i) => [`v${i}`, to - (points[i] as number)]));
  });

  test('sum to all, move exactly what is asked, and lie between where it comes from and where it goes', () => {
    fc.assert(
      fc.property(split, split, fc.nat(10_000), (from, to, moved) => {
        const now = sharesAt(from, to, moved);
        expect(Object.values(now).reduce((sum, share) => sum + share, 0)).toBe(10_000);
        expect(allThatMoves(from, now)).toBe(Math.min(moved, allThatMoves(from, to)));
        for (const name of Object.keys(from)) {
          const [a, b, is] = [from[name] ?? 0, to[name] ?? 0, now[name] ?? 0];
          expect(is).toBeGreaterThanOrEqual(Math.min(a, b));
          expect(is).toBeLessThanOrEqual(Math.max(a, b));
          const all = allThatMoves(from, to);
          if (all > 0) expect(Math.abs(is - (a + ((b - a) * Math.min(moved, all)) / all))).toBeLessThan(1);
        }
        expect(sameShares(sharesAt(from, to, 10_000), to)).toBe(true);
        for (const name of gainersOf({ from, to })) expect(to[name] ?? 0).toBeGreaterThan(from[name] ?? 0);
      }),
    );
  });
});

describe('signatures', () => {
  const input = (shape: number[], name = 'image', datatype = 'FP32') => ({ name, datatype, shape });
  const output = (shape: number[], name = 'label', datatype = 'INT64') => ({ name, datatype, shape });
  const stable = { inputs: [input([-1, 64])], outputs: [output([-1])] };
  test.each<[string, typeof stable, string[]]>([
    ['the same', stable, []],
    [
      'an input of another shape',
      { ...stable, inputs: [input([-1, 784])] },
      ["input 'image': FP32 [-1,64] became FP32 [-1,784]"],
    ],
    [
      'an input of another datatype',
      { ...stable, inputs: [input([-1, 64], 'image', 'FP64')] },
      ["input 'image': FP32 [-1,64] became FP64 [-1,64]"],
    ],
    [
      'an input of another rank',
      { ...stable, inputs: [input([-1, 8, 8])] },
      ["input 'image': FP32 [-1,64] became FP32 [-1,8,8]"],
    ],
    ['an input that takes any size now', { ...stable, inputs: [input([-1, -1])] }, []],
    [
      'an input that takes one size where any was taken',
      { ...stable, inputs: [input([1, 64])] },
      ["input 'image': FP32 [-1,64] became FP32 [1,64]"],
    ],
    [
      'an input under another name',
      { ...stable, inputs: [input([-1, 64], 'x')] },
      ["input 'image': FP32 [-1,64] is gone", "input 'x': FP32 [-1,64] is needed in addition"],
    ],
    [
      'one input more',
      { ...stable, inputs: [input([-1, 64]), input([1], 'scale')] },
      ["input 'scale': FP32 [1] is needed in addition"],
    ],
    ['one output more', { ...stable, outputs: [output([-1]), output([-1, 10], 'p')] }, []],
    ['an output gone', { ...stable, outputs: [] }, ["output 'label': INT64 [-1] is gone"]],
    ['an output of one size where any was given', { ...stable, outputs: [output([1])] }, []],
    [
      'an output of another datatype',
      { ...stable, outputs: [output([-1], 'label', 'FP32')] },
      ["output 'label': INT64 [-1] became FP32 [-1]"],
    ],
  ])('%s', (_, canary, problems) => expect(signatureProblems(stable, canary)).toEqual(problems));

  test('an output of a fixed size fits no other', () => {
    const fixed = { ...stable, outputs: [output([-1, 10])] };
    expect(signatureProblems(fixed, { ...stable, outputs: [output([-1, 12])] })).toHaveLength(1);
  });
});

test.each([
  [0, '0s'],
  [1_500, '1s500ms'],
  [90_000, '1m30s'],
  [7_200_000, '2h'],
])('%i ms are %s', (ms, text) => expect(durationWords(ms)).toBe(text));
