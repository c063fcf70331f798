/** Rollouts in the middle of things. */
import type { Rollout } from '../../../api/rollout.ts';
import type { RolloutStatus } from '../../../api/status.ts';
import type { RolloutView } from '../../../cli/rollout/view.ts';

export const START = '2026-11-21T05:00:00Z';
/** Three minutes later. */
export const NOW = Date.parse(START) + 180_000;

export const SPEC: Rollout = {
  steps: [
    { traffic: 5, hold: '2m' },
    { traffic: 25, hold: '5m' },
    { traffic: 50, approval: 'required' },
  ],
  analysis: {
    interval: '15s',
    minSamples: 200,
    deadline: '30m',
    mirror: 10,
    checks: [
      { metric: 'error-rate', max: 0.01 },
      { metric: 'disagreement', max: 0.05 },
    ],
  },
};

export const HOLDING: RolloutStatus = {
  id: '3f2a9c01-lq3',
  target: '3f2a9c01',
  phase: 'Progressing',
  reason: 'Holding',
  message: 'step 2 of 3 (v1 75%, v2 25%) is held for 5m',
  step: 1,
  steps: 3,
  startedAt: START,
  movedAt: '2026-11-21T05:02:05Z',
  since: '2026-11-21T05:02:10Z',
  from: { v1: 10_000 },
  to: { v2: 10_000 },
  stable: 'v1',
  checks: [
    { name: 'error-rate', verdict: 'Pass', message: 'error rate 0.0004 over 2,410 requests, allowed 0.01' },
    {
      name: 'disagreement',
      verdict: 'Inconclusive',
      message: 'disagreement 0.031 over 96 mirrored requests, allowed 0.05',
    },
  ],
};

export const APPROVAL: RolloutStatus = {
  ...HOLDING,
  phase: 'Paused',
  reason: 'ApprovalRequired',
  message: 'step 3 of 3 (v1 50%, v2 50%) waits for an approval',
  step: 2,
};

export const ROLLED_BACK: RolloutStatus = {
  ...HOLDING,
  phase: 'RolledBack',
  reason: 'CheckFailed',
  message: 'v2: disagreement 0.213 over 1,204 mirrored requests, allowed 0.05',
  checks: [
    { name: 'disagreement', verdict: 'Fail', message: 'disagreement 0.213 over 1,204 mirrored requests, allowed 0.05' },
  ],
};

export const COMPLETED: RolloutStatus = {
  ...HOLDING,
  phase: 'Completed',
  reason: 'StepsDone',
  message: 'v2 100% is served',
  step: 3,
};

export function viewOf(rollout: RolloutStatus | undefined, fields: Partial<RolloutView> = {}): RolloutView {
  return {
    name: 'digits',
    rollout,
    spec: SPEC,
    versions: [
      { name: 'v1', phase: 'Ready', wanted: 75, seen: 75, ready: 2, replicas: 2 },
      { name: 'v2', phase: 'Ready', wanted: 25, seen: 24.6, ready: 1, replicas: 1 },
    ],
    waiting: [],
    ...fields,
  };
}
