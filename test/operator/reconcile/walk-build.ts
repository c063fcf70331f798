/** Builders for tests of rollouts: what a case does not name is ordinary. */
import type { RolloutStatus } from '../../../api/status.ts';

/** From v1 to v2, at the first of three steps, in force. */
export function walkState(more: Partial<RolloutStatus> = {}): RolloutStatus {
  return {
    id: '3f2a9c01-1',
    target: '3f2a9c01',
    phase: 'Progressing',
    reason: 'Analyzing',
    message: 'it is looked at',
    step: 0,
    steps: 3,
    startedAt: '2026-01-01T00:00:00Z',
    movedAt: '2026-01-01T00:00:00Z',
    since: '2026-01-01T00:00:01Z',
    from: { v1: 10_000 },
    to: { v2: 10_000 },
    stable: 'v1',
    ...more,
  };
}
