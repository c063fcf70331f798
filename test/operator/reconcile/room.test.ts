import { describe, expect, test } from 'vitest';
import type { Serving } from '../../../api/serving.ts';
import { isUnschedulable, roomFor } from '../../../operator/reconcile/room.ts';
import type { StoredDeployment } from '../../../operator/reconcile/stored.ts';
import { deployment, pod } from './build.ts';

const GPU: Serving = { gpu: { count: 1 } };
const NO_PLACE = {
  phase: 'Pending',
  podIP: undefined,
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
};
const running = pod('v1', 'p1', true);
const starting = pod('v1', 'p2', false);
const waits = pod('v1', 'p3', false, NO_PLACE);
const leaving = { ...waits, metadata: { ...waits.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
const gated = pod('v1', 'p4', false, {
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }],
});

/** Of two replicas. */
function of(status: StoredDeployment['status'], maxSurge?: number | string, generation = 1): StoredDeployment {
  const strategy = maxSurge === undefined ? {} : { strategy: { rollingUpdate: { maxSurge } } };
  const made = deployment('v1', 2, { spec: { replicas: 2, ...strategy } });
  return { ...made, metadata: { ...made.metadata, generation }, status: { ...made.status, ...status } };
}

const steady = of({});
const updating = of({ updatedReplicas: 1, replicas: 3 });

describe('whether there is room for a pod more of a version', () => {
  test.each<[string, Serving, StoredDeployment | undefined, ReturnType<typeof pod>[], 'none' | undefined]>([
    ['the pod of an update finds no place', GPU, updating, [running, waits], 'none'],
    ['the update has just been asked for', GPU, of({}, undefined, 2), [running, waits], 'none'],
    ['the last old pod is still there', GPU, of({ updatedReplicas: 2, replicas: 3 }), [running, waits], 'none'],
    ['it finds one', GPU, updating, [running, starting], undefined],
    ['it waits behind a gate, not for a place', GPU, updating, [running, gated], undefined],
    ['who waits is leaving', GPU, updating, [running, leaving], undefined],
    ['nothing runs that could make place', GPU, updating, [starting, waits], undefined],
    ['it grows, and is no update', GPU, steady, [running, waits], undefined],
    ['once in place, it goes on so until the update is over', GPU, of({ updatedReplicas: 1 }, 0), [running], 'none'],
    ['also where the API server writes it as text', GPU, of({ updatedReplicas: 1 }, '0'), [running], 'none'],
    ['in place, and the update is over', GPU, of({}, 0), [running, running], undefined],
    ['a place more than the replicas is asked for', GPU, of({ updatedReplicas: 1 }, '25%'), [running], undefined],
    ['it has no GPU', {}, updating, [running, waits], undefined],
    ['it shares its GPU', { gpu: { shared: true } }, updating, [running, waits], undefined],
    ['there is no Deployment yet', GPU, undefined, [waits], undefined],
  ])('%s', (_, serving, at, pods, room) => expect(roomFor(serving, at, pods)).toBe(room));

  test('a pod without conditions waits for nothing', () => {
    expect([waits, leaving, gated, pod('v1', 'p', false, { conditions: undefined })].map(isUnschedulable)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
