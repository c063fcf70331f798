/** Evidence → verdicts, with the numbers that they name. */
import { describe, expect, test } from 'vitest';
import type { EffectiveAnalysis } from '../../../core/analysis/analyst.ts';
import type { CheckVerdict, VersionEvidence } from '../../../core/analysis/model.ts';
import { evidence, judged, sketch } from './build.ts';

type Checks = EffectiveAnalysis['checks'];
type Pair = { v1?: Partial<VersionEvidence>; v2?: Partial<VersionEvidence>; prometheus?: Record<string, number> };

const sampleOf = ({ v1 = {}, v2 = {}, prometheus }: Pair) => ({
  versions: { v1: evidence(v1), v2: evidence(v2) },
  ...(prometheus && { prometheus }),
});

/** The one check's verdict at the last look. */
function verdict(check: Checks[number], ...pairs: Pair[]): Pick<CheckVerdict, 'verdict' | 'message'> | undefined {
  const [last] = judged([check], pairs.map(sampleOf)).at(-1) ?? [];
  return last && { verdict: last.verdict, message: last.message };
}

const labels = (counts: Record<string, number>) => ({ label: { kind: 'labels' as const, counts } });
const slow = (factor: number, n: number) =>
  sketch({ [0.01 * factor]: n * 0.9, [0.02 * factor]: n * 0.08, [0.03 * factor]: n * 0.02 });

interface Case {
  check: Checks[number];
  looks: Pair[];
  verdict: CheckVerdict['verdict'];
  message: string;
}

const rates: Record<string, Case> = {
  'few requests': {
    check: { metric: 'error-rate', max: 0.01 },
    looks: [{ v2: { requests: 128, failures: 1 } }],
    verdict: 'Inconclusive',
    message: 'error-rate: 128 of 200 requests',
  },
  'few requests, all of them failed': {
    check: { metric: 'error-rate', max: 0.01 },
    looks: [{ v2: { requests: 128, failures: 128 } }],
    verdict: 'Inconclusive',
    message: 'error-rate: 128 of 200 requests',
  },
  'only 500': {
    check: { metric: 'error-rate', max: 0.01 },
    looks: [{ v2: { requests: 200, failures: 200 } }],
    verdict: 'Fail',
    message: 'error-rate 1 over 200 requests, allowed 0.01',
  },
  'within the bound': {
    check: { metric: 'error-rate', max: 0.01 },
    looks: [{ v2: { requests: 1_200, failures: 3 } }],
    verdict: 'Pass',
    message: 'error-rate 0.0025 over 1,200 requests, allowed 0.01',
  },
  'exactly at the bound': {
    check: { metric: 'error-rate', max: 0.01 },
    looks: [{ v2: { requests: 200, failures: 2 } }],
    verdict: 'Pass',
    message: 'error-rate 0.01 over 200 requests, allowed 0.01',
  },
  'beyond the bound, maybe by chance': {
    check: { metric: 'error-rate', max: 0.01 },
    looks: [{ v2: { requests: 200, failures: 4 } }],
    verdict: 'Inconclusive',
    message: 'error-rate 0.02 over 200 requests, allowed 0.01: this may be chance, more requests will tell',
  },
  'never means never': {
    check: { metric: 'error-rate', max: 0 },
    looks: [{ v2: { requests: 2_000, failures: 1 } }],
    verdict: 'Fail',
    message: 'error-rate 0.0005 over 2,000 requests, allowed 0',
  },
  'less than the least': {
    check: { metric: 'disagreement', min: 0.5 },
    looks: [{ v2: { pairs: 400, differing: 4 } }],
    verdict: 'Fail',
    message: 'disagreement 0.01 over 400 mirrored requests, at least 0.5 wanted',
  },
  'many times the failures of the stable version': {
    check: { metric: 'error-rate', maxRatio: 2 },
    looks: [{ v1: { requests: 9_500, failures: 95 }, v2: { requests: 500, failures: 150 } }],
    verdict: 'Fail',
    message: 'error-rate 0.3 against 0.01 of v1 (30 ×), allowed 2 ×, over 500 requests',
  },
  'as many failures as the stable version': {
    check: { metric: 'error-rate', maxRatio: 2 },
    looks: [{ v1: { requests: 9_500, failures: 950 }, v2: { requests: 500, failures: 60 } }],
    verdict: 'Pass',
    message: 'error-rate 0.12 against 0.1 of v1 (1.2 ×), allowed 2 ×, over 500 requests',
  },
  'a failure where the stable version has none': {
    check: { metric: 'error-rate', maxRatio: 2 },
    looks: [{ v1: { requests: 9_500 }, v2: { requests: 500, failures: 1 } }],
    verdict: 'Inconclusive',
    message:
      'error-rate 0.002 against 0 of v1 (infinite ×), allowed 2 ×, over 500 requests: this may be chance, more requests will tell',
  },
  'nothing to compare with': {
    check: { metric: 'error-rate', maxRatio: 2 },
    looks: [{ v2: { requests: 500, failures: 1 } }],
    verdict: 'Inconclusive',
    message: 'error-rate: v1 has no requests to compare with',
  },
  'two bounds, one broken: the broken one speaks': {
    check: { metric: 'error-rate', max: 0.01, maxRatio: 50 },
    looks: [{ v1: { requests: 500, failures: 5 }, v2: { requests: 500, failures: 150 } }],
    verdict: 'Fail',
    message: 'error-rate 0.3 over 500 requests, allowed 0.01',
  },
  'v3 of digits, at the first look': {
    check: { metric: 'disagreement', max: 0.05 },
    looks: [{ v2: { pairs: 200, differing: 40 } }],
    verdict: 'Fail',
    message: 'disagreement 0.2 over 200 mirrored requests, allowed 0.05',
  },
  'a mirrored request that fails differs': {
    check: { metric: 'disagreement', max: 0.05 },
    looks: [{ v2: { pairs: 1_000, differing: 10, mirrorFailures: 204 } }],
    verdict: 'Fail',
    message: 'disagreement 0.178 over 1,204 mirrored requests (204 of them failed), allowed 0.05',
  },
  'pairs count, not requests': {
    check: { metric: 'disagreement', max: 0.05 },
    looks: [{ v2: { requests: 5_000, pairs: 12, differing: 12 } }],
    verdict: 'Inconclusive',
    message: 'disagreement: 12 of 200 mirrored requests',
  },
};

const quantiles: Record<string, Case> = {
  'five times as slow': {
    check: { metric: 'latency-p99', maxRatio: 1.5 },
    looks: [{ v1: { latency: slow(1, 2_000) }, v2: { requests: 200, latency: slow(5, 200) } }],
    verdict: 'Fail',
    message: 'latency-p99 0.15 s against 0.0302 s of v1 (4.95 ×), allowed 1.5 ×, over 200 requests',
  },
  'as slow': {
    check: { metric: 'latency-p99', maxRatio: 1.1 },
    looks: [{ v1: { latency: slow(1, 2_000) }, v2: { requests: 200, latency: slow(1, 200) } }],
    verdict: 'Pass',
    message: 'latency-p99 0.0302 s against 0.0302 s of v1 (1 ×), allowed 1.1 ×, over 200 requests',
  },
  'slower than allowed': {
    check: { metric: 'latency-p95', max: 0.05 },
    looks: [{ v2: { requests: 300, latency: slow(10, 300) } }],
    verdict: 'Fail',
    message: 'latency-p95 0.198 s over 300 requests, allowed 0.05 s',
  },
  'twice as many slow ones as allowed, maybe one burst': {
    check: { metric: 'latency-p95', max: 0.05 },
    looks: [{ v2: { requests: 300, latency: slow(5, 300) } }],
    verdict: 'Inconclusive',
    message: 'latency-p95 0.1 s over 300 requests, allowed 0.05 s: this may be chance, more requests will tell',
  },
  'faster than is plausible': {
    check: { metric: 'latency-p50', min: 0.005 },
    looks: [{ v2: { requests: 300, latency: slow(0.1, 300) } }],
    verdict: 'Fail',
    message: 'latency-p50 0.00101 s over 300 requests, at least 0.005 s wanted',
  },
  'half of the wait in the queue': {
    check: { metric: 'queue-p99', maxRatio: 1.2 },
    looks: [{ v1: { queue: slow(1, 2_000) }, v2: { requests: 300, queue: slow(0.5, 300) } }],
    verdict: 'Pass',
    message: 'queue-p99 0.0153 s against 0.0302 s of v1 (0.507 ×), allowed 1.2 ×, over 300 requests',
  },
  'only what is answered has a latency': {
    check: { metric: 'latency-p99', max: 1 },
    looks: [{ v2: { requests: 300, failures: 297, latency: sketch({ 0.01: 3 }) } }],
    verdict: 'Inconclusive',
    message: 'latency-p99: 3 of 200 requests',
  },
  'no queue was measured': {
    check: { metric: 'queue-p99', max: 1 },
    looks: [{ v2: { requests: 300 } }],
    verdict: 'Inconclusive',
    message: 'queue-p99: nothing was measured in 300 requests',
  },
};

const shifted: Pair = {
  v1: { outputs: labels({ cat: 500, dog: 500 }) },
  v2: { requests: 500, outputs: labels({ cat: 450, dog: 50 }) },
};
const values: Record<string, Case> = {
  'other labels, look after look': {
    check: { metric: 'output-shift', max: 0.1 },
    looks: [shifted, shifted],
    verdict: 'Fail',
    message: "output-shift of output 'label' 0.4 over 1,000 predictions against 2,000 of v1, allowed 0.1",
  },
  'the same labels, and chance': {
    check: { metric: 'output-shift', max: 0.1 },
    looks: [
      {
        v1: { outputs: labels({ cat: 500, dog: 500 }) },
        v2: { requests: 200, outputs: labels({ cat: 105, dog: 95 }) },
      },
    ],
    verdict: 'Pass',
    message: "output-shift of output 'label' 0 over 200 predictions against 1,000 of v1, allowed 0.1",
  },
  'no predictions are reported': {
    check: { metric: 'output-shift', max: 0.1 },
    looks: [{ v2: { requests: 300 } }],
    verdict: 'Inconclusive',
    message: 'output-shift: no pod reports its predictions',
  },
  'a gauge out of bounds once': {
    check: { custom: 'depth', max: 3 },
    looks: [{ v2: { requests: 300, custom: { depth: { type: 'gauge', value: 8, count: 2 } } } }],
    verdict: 'Inconclusive',
    message: 'depth 4, allowed 3: another look like this fails it',
  },
  'a gauge out of bounds twice in a row': {
    check: { custom: 'depth', max: 3 },
    looks: [
      { v2: { requests: 300, custom: { depth: { type: 'gauge', value: 8, count: 2 } } } },
      { v2: { custom: { depth: { type: 'gauge', value: 10, count: 2 } } } },
    ],
    verdict: 'Fail',
    message: 'depth 5, allowed 3, 2 looks in a row',
  },
  'a gauge that nobody reports any more': {
    check: { custom: 'depth', max: 3 },
    looks: [{ v2: { requests: 300, custom: { depth: { type: 'gauge', value: 2, count: 2 } } } }, { v2: {} }],
    verdict: 'Inconclusive',
    message: 'depth: no pod reports a metric of this name with a value',
  },
  "a counter a request, against the stable version's": {
    check: { custom: 'tokens', maxRatio: 1.5 },
    looks: [
      {
        v1: { requests: 1_000, custom: { tokens: { type: 'counter', value: 2_000, count: 0 } } },
        v2: { requests: 200, custom: { tokens: { type: 'counter', value: 500, count: 0 } } },
      },
    ],
    verdict: 'Pass',
    message: 'tokens 2.5 against 2 of v1 (1.25 ×), allowed 1.5 ×',
  },
  "a histogram's mean": {
    check: { custom: 'size', min: 10 },
    looks: [{ v2: { requests: 200, custom: { size: { type: 'histogram', value: 2_400, count: 200 } } } }],
    verdict: 'Pass',
    message: 'size 12, at least 10 wanted',
  },
  'a query within its bound': {
    check: { prometheus: 'up', min: 1 },
    looks: [{ v2: { requests: 200 }, prometheus: { up: 1 } }],
    verdict: 'Pass',
    message: 'prometheus up 1, at least 1 wanted',
  },
  'a query without an answer': {
    check: { prometheus: 'up', min: 1 },
    looks: [{ v2: { requests: 200 }, prometheus: { up: 1 } }, {}],
    verdict: 'Inconclusive',
    message: 'prometheus up: the query has no answer',
  },
  'out of bounds, then silent, then out of bounds: not in a row': {
    check: { prometheus: 'up', min: 1 },
    looks: [{ v2: { requests: 200 }, prometheus: { up: 0 } }, {}, { prometheus: { up: 0 } }],
    verdict: 'Inconclusive',
    message: 'prometheus up 0, at least 1 wanted: another look like this fails it',
  },
};

describe.each([
  ['rates', rates],
  ['quantiles', quantiles],
  ['predictions and other numbers', values],
])('%s', (_, cases) => {
  test.each(Object.entries(cases))('%s', (__, { check, looks, ...expected }) => {
    expect(verdict(check, ...looks)).toEqual(expected);
  });
});

test('a canary five times as slow fails within three looks, also where few requests come', () => {
  const pair = { v1: { latency: slow(1, 100) }, v2: { requests: 100, latency: slow(5, 100) } };
  expect(verdict({ metric: 'latency-p99', maxRatio: 1.5 }, pair, pair, pair)?.verdict).toBe('Fail');
});

test('a canary that is slower, and as slow as is allowed, passes', () => {
  const spread = (factor: number) =>
    sketch(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [factor * (0.01 + i / 10_000), 50])));
  const pair = { v1: { latency: spread(1) }, v2: { requests: 5_000, latency: spread(1.4) } };
  expect(verdict({ metric: 'latency-p50', maxRatio: 1.5 }, pair)?.verdict).toBe('Pass');
  expect(verdict({ metric: 'latency-p50', maxRatio: 1.2 }, pair, pair, pair)?.verdict).toBe('Fail');
});

test('what chance alone makes of many labels passes', () => {
  const even = (each: number) => labels(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [i, each])));
  // Poisson counts of mean 4 are 2 to 6.
  const some = labels(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [i, 2 + (i % 5)])));
  const pair = { v1: { outputs: even(80) }, v2: { requests: 200, outputs: some } };
  expect(verdict({ metric: 'output-shift', max: 0.1 }, pair)?.verdict).toBe('Pass');
});

test('labels that each process names its own way are no shift', () => {
  const own = (first: number) =>
    labels({ '': 36, ...Object.fromEntries(Array.from({ length: 64 }, (_, i) => [first + i, 1])) });
  const pair = { v1: { outputs: own(36) }, v2: { requests: 100, outputs: own(0) } };
  expect(verdict({ metric: 'output-shift', max: 0.1 }, pair, pair, pair, pair)?.verdict).toBe('Pass');
});

test.each([
  ['the canary', { a: 500, b: 500 }, { a: 100, b: 100, '': 800 }],
  ['the stable version', { a: 100, b: 100, '': 800 }, { a: 500, b: 500 }],
])('what %s gives without naming it may be anything: not shown', (_, v1, v2) => {
  const pair = { v1: { outputs: labels(v1) }, v2: { requests: 1_000, outputs: labels(v2) } };
  expect(verdict({ metric: 'output-shift', max: 0.1 }, pair, pair, pair)?.verdict).toBe('Inconclusive');
});

test('numbers are compared by classes of values', () => {
  const numbers = (counts: Record<string, number>) => ({ score: { kind: 'numbers' as const, counts } });
  const spread = (sign: string) =>
    numbers(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${sign}${i - 100}`, 5])));
  const same = { v1: { outputs: spread('+') }, v2: { requests: 1_000, outputs: spread('+') } };
  const other = { v1: { outputs: spread('+') }, v2: { requests: 1_000, outputs: spread('-') } };
  expect(verdict({ metric: 'output-shift', max: 0.1 }, same, same)?.verdict).toBe('Pass');
  expect(verdict({ metric: 'output-shift', max: 0.1 }, other, other)).toMatchObject({ verdict: 'Fail' });
});

test('a stable version whose requests all take as long is compared with, too', () => {
  const pair = { v1: { latency: sketch({ 0.001: 1_000 }) }, v2: { requests: 200, latency: sketch({ 0.005: 200 }) } };
  expect(verdict({ metric: 'latency-p99', maxRatio: 1.5 }, pair)?.verdict).toBe('Fail');
  expect(verdict({ metric: 'latency-p50', maxRatio: 1.5 }, pair, pair, pair)?.verdict).toBe('Fail');
  const alike = { ...pair, v2: { requests: 200, latency: sketch({ 0.001: 200 }) } };
  expect(verdict({ metric: 'latency-p99', maxRatio: 1 }, alike, alike, alike)?.verdict).toBe('Pass');
});
