/** One version: phase, counts, model, failure, progress. */
import { describe, expect, test } from 'vitest';
import type { VersionFacts } from '../../../../operator/reconcile/status/facts.ts';
import {
  progressOf,
  type VersionStatus,
  versionStatus,
  viewOf,
} from '../../../../operator/reconcile/status/version-status.ts';
import {
  at,
  crashingPod,
  deployment,
  pod,
  readyPod,
  report,
  startingPod,
  unready,
  unscheduledPod,
  version,
  waitingPod,
} from './build.ts';

const view = (of: VersionFacts) => viewOf(of, { nodes: [], now: at(600) });
const say = (of: VersionFacts, before?: VersionStatus) => versionStatus(view(of), 10_000, undefined, before);
const was = (phase: VersionStatus['phase'], replicas = 2): VersionStatus => ({ name: 'v2', phase, replicas });
const WHY = 'MODEL_CORRUPT: not an ONNX model';

const half = (more: Partial<VersionFacts> = {}): VersionFacts =>
  version('v2', {
    replicas: 2,
    deployment: deployment(2, 1),
    pods: [readyPod('a'), startingPod('b')],
    ...more,
  });

describe('where a version stands', () => {
  const table: Record<string, [VersionFacts, VersionStatus | undefined, string]> = {
    'no Deployment yet': [unready('v2', [], { deployment: undefined }), undefined, 'Pending 0/1'],
    'a pod without a node': [unready('v2', [unscheduledPod('a', '', at(590))]), undefined, 'Pending 0/1 Unschedulable'],
    'a pod on a node': [unready('v2', [startingPod('a')]), undefined, 'Starting 0/1'],
    'some are ready for the first time': [half(), undefined, 'Starting 1/2'],
    'all are ready': [version('v2', { replicas: 2 }), was('Starting'), 'Ready 2/2'],
    'all are ready, and more than wanted': [version('v2', { deployment: deployment(2) }), undefined, 'Ready 2/1'],
    'it had enough': [half(), was('Ready'), 'Degraded 1/2'],
    'it still lacks one': [half(), was('Degraded'), 'Degraded 1/2'],
    'it grows': [half(), was('Ready', 1), 'Starting 1/2'],
    'it goes on growing': [half(), was('Starting', 2), 'Starting 1/2'],
    'a failure that lasts, others serve': [
      half({ pods: [readyPod('a'), crashingPod('b', WHY)] }),
      undefined,
      'Degraded 1/2 MODEL_CORRUPT',
    ],
    'a failure that lasts, nobody serves': [
      unready('v2', [crashingPod('b', WHY)]),
      undefined,
      'Failed 0/1 MODEL_CORRUPT',
    ],
    'a failure that may pass': [
      unready('v2', [startingPod('a', { restartCount: 1, lastState: { terminated: { exitCode: 1, message: WHY } } })]),
      undefined,
      'Starting 0/1 MODEL_CORRUPT',
    ],
    'the old template still serves': [
      version('v2', { replicas: 2, deployment: deployment(2, 2, { updatedReplicas: 1 }) }),
      was('Ready'),
      'Starting 2/2',
    ],
    'a replica of the old template is left': [
      version('v2', { deployment: deployment(1, 1, { replicas: 2 }) }),
      was('Ready'),
      'Starting 1/1',
    ],
    'the Deployment has not been looked at': [
      version('v2', { deployment: deployment(1, 1, { generation: 2 }) }),
      was('Ready'),
      'Starting 1/1',
    ],
    'it leaves': [version('v2', { listed: false }), was('Ready'), 'Retiring 1/1'],
    'it leaves and fails': [
      unready('v2', [crashingPod('a', WHY)], { listed: false }),
      undefined,
      'Retiring 0/1 MODEL_CORRUPT',
    ],
    'an evicted pod that others took the place of': [
      version('v2', { pods: [readyPod('a', at(60)), pod('b', { phase: 'Failed', reason: 'Evicted' })] }),
      was('Ready'),
      'Ready 1/1',
    ],
    'the same while it grows': [
      half({
        pods: [startingPod('c', {}, at(90)), readyPod('a', at(60)), pod('b', { phase: 'Failed', reason: 'Evicted' })],
      }),
      was('Ready', 1),
      'Starting 1/2',
    ],
    'a quota': [
      unready('v2', [], {
        deployment: deployment(1, 0, {
          conditions: [
            {
              type: 'ReplicaFailure',
              status: 'True',
              reason: 'FailedCreate',
              message: 'pods "x" is forbidden: exceeded quota: gpus',
            },
          ],
        }),
      }),
      undefined,
      'Failed 0/1 QuotaExceeded',
    ],
    'Pod Security': [
      unready('v2', [], {
        deployment: deployment(1, 0, {
          conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'violates PodSecurity "restricted"' }],
        }),
      }),
      undefined,
      'Failed 0/1 PodsRefused',
    ],
    'the deadline of the Deployment': [
      unready('v2', [startingPod('a')], {
        deployment: deployment(1, 0, {
          conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
        }),
      }),
      undefined,
      'Failed 0/1 ProgressDeadlineExceeded',
    ],
    'the deadline, and a pod that says more': [
      unready('v2', [unscheduledPod('a', 'why', at(599))], {
        deployment: deployment(1, 0, {
          conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
        }),
      }),
      undefined,
      'Failed 0/1 Unschedulable',
    ],
    'another file under the same name': [
      version('v2', {
        digest: 'd'.repeat(64),
        reports: new Map([['digits-v2-0', report({ state: 'Loaded', digest: 'a'.repeat(64) })]]),
      }),
      was('Ready'),
      'Degraded 1/1 DigestChanged',
    ],
    'what lasts comes before what may pass': [
      unready('v2', [
        startingPod('z', { lastState: { terminated: { exitCode: 1, message: WHY } } }),
        waitingPod('a', 'ErrImagePull', 'x'),
      ]),
      undefined,
      'Failed 0/1 ImagePullBackOff',
    ],
  };

  test.each(Object.entries(table))('%s', (_name, [of, before, expected]) => {
    const { phase, readyReplicas, replicas, failure } = say(of, before);
    expect([phase, `${readyReplicas}/${replicas}`, failure?.code].filter(Boolean).join(' ')).toBe(expected);
    expect(say(of, say(of, before)).phase, 'the same facts again').toBe(phase);
  });

  test('a digest that changed is told with both', () => {
    const reports = new Map([['digits-v2-0', report({ state: 'Loaded', digest: 'a'.repeat(64) })]]);
    const { failure } = say(version('v2', { digest: 'd'.repeat(64), reports }));
    expect(failure?.message).toBe(
      'pod digits-v2-0 loaded sha256 aaaaaaaaaaaa…, v2 was first served with dddddddddddd…',
    );
  });

  test('without a Deployment the pods are counted', () => {
    const pods = [readyPod('a'), startingPod('b')];
    expect(say(version('v2', { replicas: 2, deployment: undefined, pods })).readyReplicas).toBe(1);
  });
});

describe('the model in the newest pod', () => {
  const read = (load: Parameters<typeof report>[0]) => new Map([['new', report(load)]]);
  const table: Record<string, [VersionFacts, string | undefined]> = {
    'waits for a node': [unready('v2', [unscheduledPod('new', '')]), 'Pending'],
    'as its report says': [
      unready('v2', [startingPod('new')], { reports: read({ state: 'Downloading' }) }),
      'Downloading',
    ],
    'is not guessed': [unready('v2', [startingPod('new')]), undefined],
    'is loaded when the pod is ready': [version('v2', { pods: [readyPod('new')] }), 'Loaded'],
    'failed, by its last words': [unready('v2', [crashingPod('new', WHY)]), 'Failed'],
    'of an older pod does not count': [
      unready('v2', [startingPod('new', {}, at(9)), crashingPod('old', WHY)]),
      undefined,
    ],
    'without a pod there is none': [unready('v2', []), undefined],
  };

  test.each(Object.entries(table))('%s', (_name, [of, expected]) => {
    expect(say(of).model).toBe(expected);
  });
});

describe('progress in words', () => {
  const loading = new Map([['b', report({ state: 'Loading' })]]);
  const later = [readyPod('a'), startingPod('b', {}, at(9))];
  const table: Record<string, [VersionFacts, string]> = {
    'no Deployment': [unready('v2', [], { deployment: undefined }), 'v2: its Deployment is not there yet'],
    'the model loads': [half({ pods: later, reports: loading }), 'v2: 1 of 2 replicas ready; loading the model'],
    'nothing is known': [half({ pods: later }), 'v2: 1 of 2 replicas ready'],
    'the container is made': [
      unready('v2', [waitingPod('a', 'ContainerCreating')]),
      'v2: 0 of 1 replica ready; the node is preparing the container',
    ],
    'one has the new settings': [
      version('v2', { replicas: 2, deployment: deployment(2, 2, { updatedReplicas: 1 }) }),
      'v2: 1 of 2 replicas have the new settings',
    ],
    'an old one is left': [
      version('v2', { deployment: deployment(1, 1, { replicas: 2 }) }),
      'v2: 1 old replica still to go',
    ],
    'the Deployment changed': [
      version('v2', { deployment: deployment(1, 1, { generation: 5 }) }),
      'v2: its Deployment has just changed',
    ],
  };

  test.each(Object.entries(table))('%s', (_name, [of, expected]) => {
    expect(progressOf(view(of)).words).toBe(expected);
  });
});
