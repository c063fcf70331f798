/** One simulated rollout: through its steps, as far as the verdicts let it. */
import { Analyst, type EffectiveAnalysis } from '../../core/analysis/analyst.ts';
import { overall } from '../../core/analysis/model.ts';
import { seeded } from './random.ts';
import type { Scenario } from './scenarios.ts';
import { World } from './world.ts';

/** Shares of the canary, and how long each is held at least. */
const STEPS = [0.05, 0.25, 0.5];
const HOLD_MS = 60_000;
const SAMPLE_MS = 5_000;
const INTERVAL_MS = 15_000;
const DEADLINE_MS = 600_000;

export type Outcome = 'passed' | 'rolled back' | 'paused';

export interface Walk {
  outcome: Outcome;
  /** Looks of all steps. */
  looks: number;
  /** Requests of the canary, of all steps. */
  requests: number;
  /** What failed. */
  message?: string;
}

export function simulateWalk(scenario: Scenario, seed: number): Walk {
  const world = new World(seeded(seed), scenario.traffic, scenario.stable, scenario.canary);
  const analyst = new Analyst();
  const analysis: EffectiveAnalysis = {
    intervalMs: INTERVAL_MS,
    minSamples: 200,
    deadlineMs: DEADLINE_MS,
    mirror: scenario.traffic.mirror * 10_000,
    compare: { absolute: 0, relative: 0, keep: 0 },
    checks: scenario.checks,
  };
  const walk: Walk = { outcome: 'passed', looks: 0, requests: 0 };
  let now = 0;
  for (const [step, share] of STEPS.entries()) {
    const since = now;
    analyst.open({ id: 'walk', step, window: 0, since, stable: 'v1', canaries: ['v2'] }, analysis);
    for (;;) {
      now += SAMPLE_MS;
      const sample = world.sample(now, SAMPLE_MS / 1_000, share);
      walk.requests += sample.versions.v2?.requests ?? 0;
      analyst.add(sample);
      const before = walk.looks;
      const verdicts = analyst.look(now);
      if (!verdicts || verdicts.looks === 0) continue;
      const verdict = overall(verdicts.checks);
      if (verdict === 'Fail') {
        const message = verdicts.checks.find((check) => check.verdict === 'Fail')?.message;
        return { ...walk, looks: before + verdicts.looks, outcome: 'rolled back', ...(message && { message }) };
      }
      const moves = verdict === 'Pass' && now >= since + HOLD_MS;
      if (!moves && now < since + DEADLINE_MS) continue;
      walk.looks += verdicts.looks;
      if (moves) break;
      return { ...walk, outcome: 'paused' };
    }
  }
  return walk;
}
