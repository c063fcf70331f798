/** What is simulated: canaries that are good enough, some of them exactly at a bound, and canaries that are not. */
import type { EffectiveAnalysis } from '../../core/analysis/analyst.ts';
import type { Behaviour, Traffic } from './world.ts';

export interface Scenario {
  name: string;
  traffic: Traffic;
  stable: Behaviour;
  canary: Behaviour;
  checks: EffectiveAnalysis['checks'];
}

/** Digits: ten labels about as frequent. */
const TEN = [0.1, 0.11, 0.1, 0.1, 0.09, 0.09, 0.1, 0.11, 0.1, 0.1];
const WELL: Omit<Behaviour, 'labels'> = {
  errors: 0.002,
  slowness: 1,
  wander: 0,
  pauses: 0,
  differing: 0.02,
};
const BUSY: Traffic = { rate: 100, mirror: 0.1, together: 0 };

const USUAL: EffectiveAnalysis['checks'] = [
  { metric: 'error-rate', max: 0.01 },
  { metric: 'latency-p99', maxRatio: 1.2 },
  { metric: 'disagreement', max: 0.05 },
];
const MANY: EffectiveAnalysis['checks'] = [
  { metric: 'error-rate', max: 0.01, maxRatio: 2 },
  { metric: 'latency-p50', maxRatio: 1.2 },
  { metric: 'latency-p95', maxRatio: 1.2, max: 0.05 },
  { metric: 'latency-p99', maxRatio: 1.2, max: 0.1 },
  { metric: 'disagreement', max: 0.05 },
  { metric: 'output-shift', max: 0.1 },
];

interface Change {
  name: string;
  both?: Partial<Behaviour>;
  canary?: Partial<Behaviour>;
  traffic?: Partial<Traffic>;
  checks?: EffectiveAnalysis['checks'];
}

function scenario({ name, both, canary, traffic, checks = USUAL }: Change): Scenario {
  const labels = checks.some(({ metric }) => metric === 'output-shift') ? TEN : [];
  return {
    name,
    traffic: { ...BUSY, ...traffic },
    stable: { ...WELL, labels, ...both },
    canary: { ...WELL, labels, ...both, ...canary },
    checks,
  };
}

const RATIOS_OF_ONE: EffectiveAnalysis['checks'] = [
  { metric: 'error-rate', maxRatio: 1 },
  { metric: 'latency-p50', maxRatio: 1 },
  { metric: 'latency-p95', maxRatio: 1 },
  { metric: 'latency-p99', maxRatio: 1 },
];

export const GOOD: readonly Scenario[] = [
  scenario({ name: 'alike, three checks' }),
  scenario({ name: 'alike, nine bounds', checks: MANY }),
  scenario({ name: 'alike, 10 requests a second', traffic: { rate: 10 }, checks: MANY }),
  scenario({ name: 'errors at the bound', both: { errors: 0.01 } }),
  scenario({ name: 'errors in spells, half of the bound', both: { errors: 0.005, spells: true }, checks: MANY }),
  scenario({ name: 'errors in spells, at the bound', both: { errors: 0.01, spells: true } }),
  scenario({ name: 'alike, no worse at all allowed (1 ×)', both: { errors: 0.01 }, checks: RATIOS_OF_ONE }),
  scenario({ name: 'latency wanders, each its own', both: { wander: 0.15 }, checks: MANY }),
  scenario({ name: 'latency wanders together', traffic: { together: 0.3 }, checks: MANY }),
  scenario({ name: 'pauses of 0.2 s, 3 a minute', both: { pauses: 3 }, checks: USUAL }),
  scenario({ name: 'pauses of 0.2 s, 12 a minute', both: { pauses: 12 }, checks: MANY.slice(0, 3) }),
  scenario({ name: 'disagreement just under the bound', canary: { differing: 0.049 } }),
  scenario({ name: 'requests alike, 4 in a row', both: { alike: 4, differing: 0.049 }, checks: MANY }),
  scenario({
    name: 'all of it',
    both: { errors: 0.005, spells: true, wander: 0.1, pauses: 3, alike: 4, differing: 0.04 },
    traffic: { together: 0.2 },
    checks: MANY,
  }),
];

/** Three of the ten labels are never given. */
const SHIFTED = [0, 0, 0, 0.2, 0.18, 0.12, 0.1, 0.2, 0.1, 0.1];

export const BAD: readonly Scenario[] = [
  scenario({ name: 'disagreement 0.2, allowed 0.05', canary: { differing: 0.2 } }),
  scenario({ name: 'disagreement 0.08, allowed 0.05', canary: { differing: 0.08 } }),
  scenario({ name: 'answers only 500', canary: { errors: 1 } }),
  scenario({ name: 'fails 3 %, allowed 1 %', canary: { errors: 0.03 } }),
  scenario({ name: 'fails 10 % in spells, allowed 1 %', canary: { errors: 0.1, spells: true } }),
  scenario({
    name: '5 times as slow, allowed 1.5 ×',
    canary: { slowness: 5 },
    checks: [{ metric: 'latency-p99', maxRatio: 1.5 }],
  }),
  scenario({ name: '1.5 times as slow, allowed 1.2 ×', canary: { slowness: 1.5 } }),
  scenario({ name: '1.5 times as slow, pauses in both', both: { pauses: 3 }, canary: { slowness: 1.5 }, checks: MANY }),
  scenario({ name: 'output shift 0.3, allowed 0.1', canary: { labels: SHIFTED }, checks: MANY }),
];
