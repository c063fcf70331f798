/** Many simulated rollouts of each scenario, summed up. */
import type { Scenario } from './scenarios.ts';
import { simulateWalk } from './walk.ts';

export interface Row {
  scenario: string;
  rollouts: number;
  rolledBack: number;
  paused: number;
  passed: number;
  /** Medians over the rollouts that ended as they should: passed, or rolled back. */
  looks: number;
  canaryRequests: number;
}

/** @param wanted how rollouts of this scenario should end */
export function simulate(scenario: Scenario, wanted: 'passed' | 'rolled back', rollouts: number, seed: number): Row {
  const ends = { passed: 0, 'rolled back': 0, paused: 0 };
  const looks: number[] = [];
  const requests: number[] = [];
  for (let i = 0; i < rollouts; i++) {
    const walk = simulateWalk(scenario, seedOf(seed, i));
    ends[walk.outcome]++;
    if (walk.outcome !== wanted) continue;
    looks.push(walk.looks);
    requests.push(walk.requests);
  }
  return {
    scenario: scenario.name,
    rollouts,
    rolledBack: ends['rolled back'],
    paused: ends.paused,
    passed: ends.passed,
    looks: median(looks),
    canaryRequests: median(requests),
  };
}

/** Far apart for neighbours: mulberry32 steps through its states by a constant. */
function seedOf(seed: number, index: number): number {
  return Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b);
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1] ?? 0;
}

const HEADERS = {
  passed: ['good canaries', 'rolled back', 'paused', 'passed', 'looks to pass', "canary's requests"],
  'rolled back': ['bad canaries', 'rolled back', 'paused', 'passed', 'looks to roll back', "canary's requests"],
};

/** Markdown. */
export function tableOf(rows: readonly Row[], wanted: keyof typeof HEADERS): string {
  const percent = (part: number, { rollouts }: Row) => `${((100 * part) / rollouts).toFixed(2)} %`;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const header = HEADERS[wanted];
  return [
    line(header),
    line(header.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...rows.map((row) =>
      line([
        row.scenario,
        percent(row.rolledBack, row),
        percent(row.paused, row),
        percent(row.passed, row),
        row.looks > 0 ? String(row.looks) : '–',
        row.canaryRequests > 0 ? String(row.canaryRequests) : '–',
      ]),
    ),
  ].join('\n');
}
