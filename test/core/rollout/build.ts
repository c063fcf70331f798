/** What the tests of the engine are made of. */
import type { EffectiveRollout } from '../../../api/effective.ts';
import type { CheckVerdict } from '../../../core/analysis/model.ts';
import type { Signature } from '../../../core/model.ts';

export const RETIRE_AFTER = 30_000;
export const MINUTE = 60_000;

const tensor = (width: number) => ({ name: 'image', datatype: 'FP32', shape: [-1, width] });
export const SIGNATURE: Signature = {
  inputs: [tensor(64)],
  outputs: [{ name: 'label', datatype: 'INT64', shape: [-1] }],
};
export const OTHER_SIGNATURE: Signature = { ...SIGNATURE, inputs: [tensor(784)] };

type Analysis = NonNullable<EffectiveRollout['analysis']>;

export const ANALYSIS: Analysis = {
  intervalMs: 15_000,
  minSamples: 200,
  deadlineMs: 30 * MINUTE,
  mirror: 1000,
  compare: { absolute: 1e-4, relative: 1e-3, keep: 0 },
  checks: [{ metric: 'error-rate', max: 0.01 }],
};

type StepText = [percent: number, holdMs?: number, approval?: 'approval'];

export function settings(steps: StepText[], more: Partial<EffectiveRollout> = {}): EffectiveRollout {
  return {
    steps: steps.map(([percent, holdMs = 0, approval]) => ({
      traffic: percent * 100,
      holdMs,
      approval: approval !== undefined,
    })),
    analysis: undefined,
    signature: 'Compatible',
    progressDeadlineMs: 10 * MINUTE,
    onFailure: 'Rollback',
    ...more,
  };
}

export interface Spec {
  /** Percent, of the listed versions. */
  shares: Record<string, number>;
  rollout: EffectiveRollout | undefined;
  sizes?: Record<string, number>;
  elastic?: Record<string, { min: number; max: number }>;
  shadow?: Record<string, number>;
  /** Whatever else the target is made of. */
  note?: string;
}

/** What is true of a version, whoever runs it. */
export interface Nature {
  failure?: { code: string; message: string };
  exits?: number;
  lastExit?: string;
  /** `unknown`: no process has said. */
  signature?: Signature | 'unknown';
  verdict?: CheckVerdict['verdict'];
}

/** As it comes back from where it is stored: keys in another order. */
export function reread<T>(state: T): T {
  if (state === undefined) return state;
  return JSON.parse(JSON.stringify(state), (_, value) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
