/** A status as a whole: what an on-call engineer and `kubectl wait` read. */
import { describe, expect, test } from 'vitest';
import type { StatusFacts } from '../../../../operator/reconcile/status/facts.ts';
import { changesIn, sameStatus } from '../../../../operator/reconcile/status/status.ts';
import {
  at,
  conditionOf,
  crashingPod,
  deployment,
  facts,
  node,
  readyPod,
  report,
  startingPod,
  table,
  told,
  trueOnes,
  unready,
  unscheduledPod,
  version,
} from './build.ts';

const REST = 'Accepted Available Ready';
const NO_GPU = '0/3 nodes are available: 3 Insufficient nvidia.com/gpu.';
const missing = crashingPod('digits-v2-x', 'MODEL_NOT_THERE: there is no file /mnt/claims/m/2.onnx');
const GONE_V2 = 'v2: MODEL_NOT_THERE: pod digits-v2-x: there is no file /mnt/claims/m/2.onnx';
const h200 = { gpu: { count: 1, products: ['NVIDIA-H200'] } };

interface Row {
  facts: Partial<StatusFacts>;
  /** Conditions that are True. */
  holds: string;
  /** Of Ready. */
  reason: string;
  /** Of Ready; a part. */
  message: string;
  blockedBy?: string;
}

const rows: Record<string, Row> = {
  'all is as asked for': { facts: {}, holds: REST, reason: 'Ready', message: 'v1 ready; v1:100' },
  'two versions, one is leaving': {
    facts: { versions: [version('v2'), version('v1', { listed: false })] },
    holds: REST,
    reason: 'Ready',
    message: 'v2 ready; v2:100; v1 leaving',
  },
  'one that is leaving may fail': {
    facts: { versions: [version('v2'), unready('v1', [missing], { listed: false })] },
    holds: REST,
    reason: 'Ready',
    message: 'v2 ready',
  },
  'the Service leads to one that has nobody, another that takes traffic has': {
    facts: { versions: [unready('v1', [startingPod('digits-v1-x')]), version('v2')], table: table({ v1: 90, v2: 10 }) },
    holds: 'Accepted Reconciling',
    reason: 'Starting',
    message: 'v1',
  },
  'the Service leads to one whose pod is ready, which its Deployment does not count yet': {
    facts: { versions: [unready('v1', [readyPod('digits-v1-x')]), version('v2')], table: table({ v1: 90, v2: 10 }) },
    holds: 'Accepted Available Reconciling',
    reason: 'Starting',
    message: 'v1',
  },
  'nothing runs yet': {
    facts: { versions: [], table: undefined, url: undefined, inForce: false },
    holds: 'Accepted Reconciling',
    reason: 'Starting',
    message: 'nothing runs yet',
  },
  'replicas come up': {
    facts: {
      versions: [
        version('v1', {
          replicas: 2,
          deployment: deployment(2, 1),
          pods: [readyPod('a'), startingPod('b', {}, at(9))],
          reports: new Map([['b', report({ state: 'Loading' })]]),
        }),
      ],
    },
    holds: 'Accepted Available Reconciling',
    reason: 'Starting',
    message: 'v1: 1 of 2 replicas ready; loading the model',
  },
  'replicas are replaced': {
    facts: { versions: [version('v1', { deployment: deployment(1, 1, { generation: 2 }) })] },
    holds: 'Accepted Available Reconciling',
    reason: 'Updating',
    message: 'v1: its Deployment has just changed',
  },
  'the split waits': {
    facts: { waiting: ['v2 is not ready; the split v1 90%, v2 10% takes effect when it is'] },
    holds: 'Accepted Available Reconciling',
    reason: 'TrafficWaiting',
    message: 'v2 is not ready; the split v1 90%, v2 10% takes effect when it is',
  },
  'the split is on its way': {
    facts: { inForce: false },
    holds: 'Accepted Available Reconciling',
    reason: 'TrafficMoving',
    message: 'not all pods are known to follow v1:100 yet',
  },
  'there is no Service': {
    facts: { url: undefined },
    holds: 'Accepted Reconciling',
    reason: 'Starting',
    message: 'the Service is not there yet',
  },
  'a canary that cannot be loaded': {
    facts: { versions: [version('v1'), unready('v2', [missing])] },
    holds: 'Accepted Available Stalled',
    reason: 'LoadFailed',
    message: GONE_V2,
    blockedBy: 'v2: put the model where model.uri says, or add a version with the right URI (pod digits-v2-x)',
  },
  'the only version cannot be loaded': {
    facts: { versions: [unready('v2', [missing])] },
    holds: 'Accepted Stalled',
    reason: 'LoadFailed',
    message: GONE_V2,
    blockedBy: 'v2: put the model where model.uri says, or add a version with the right URI (pod digits-v2-x)',
  },
  'no free GPU, at first': {
    facts: {
      versions: [version('v1'), unready('v2', [unscheduledPod('digits-v2-x', NO_GPU, at(500))], { serving: h200 })],
      nodes: ['a', 'b', 'c'].map((name) => node(name, 8, 'NVIDIA-H200')),
    },
    holds: 'Accepted Available Reconciling',
    reason: 'Unschedulable',
    message: 'v2: pod digits-v2-x cannot be scheduled: 0 of 3 nodes have a free NVIDIA-H200',
  },
  'no free GPU, after two minutes': {
    facts: {
      versions: [version('v1'), unready('v2', [unscheduledPod('digits-v2-x', NO_GPU, at(480))], { serving: h200 })],
      nodes: ['a', 'b', 'c'].map((name) => node(name, 8, 'NVIDIA-H200')),
    },
    holds: 'Accepted Available Stalled',
    reason: 'Unschedulable',
    message: 'v2: pod digits-v2-x cannot be scheduled: 0 of 3 nodes have a free NVIDIA-H200',
    blockedBy: 'v2: free or add a node that fits, or ask for less (pod digits-v2-x)',
  },
  'refused, nothing was there before': {
    facts: {
      acceptance: { ok: false, reason: 'LocalModel', message: "v1: 'm.onnx' is a file of a laptop" },
      versions: [],
      url: undefined,
    },
    holds: 'Stalled',
    reason: 'LocalModel',
    message: "v1: 'm.onnx' is a file of a laptop",
    blockedBy: 'put the model where the cluster can reach it, and name it by pvc://CLAIM/PATH or https://HOST/PATH',
  },
  'refused, what was there goes on': {
    facts: { acceptance: { ok: false, reason: 'VersionReused', message: 'the model of version v1 is immutable' } },
    holds: 'Available Stalled',
    reason: 'VersionReused',
    message: 'the model of version v1 is immutable; what was accepted before goes on being served',
    blockedBy: 'give the new model a version name of its own, or put back the model that the name stood for',
  },
  'refused for a reason of which the catalogue does not know': {
    facts: { acceptance: { ok: false, reason: 'TooClever', message: 'no' } },
    holds: 'Available Stalled',
    reason: 'InvalidSpec',
    message: 'TooClever: no',
    blockedBy: 'correct the spec as the message of Accepted says, and apply it again',
  },
  'a name is taken': {
    facts: {
      objectProblems: [{ object: 'Service digits', reason: 'NameTaken', message: 'it is not ours', transient: false }],
    },
    holds: 'Accepted Available Stalled',
    reason: 'NameTaken',
    message: 'Service digits: it is not ours',
    blockedBy: 'Service digits: delete or rename the object that the message names, or rename the ModelDeployment',
  },
  'the API server is slow': {
    facts: { objectProblems: [{ object: 'Service digits', reason: 'Timeout', message: 'no answer', transient: true }] },
    holds: 'Accepted Available Reconciling',
    reason: 'Timeout',
    message: 'Service digits: no answer',
  },
  'an object fails in a way that the catalogue does not know': {
    facts: { objectProblems: [{ object: 'Secret s', reason: 'Odd', message: 'x', transient: false }] },
    holds: 'Accepted Available Stalled',
    reason: 'ApplyFailed',
    message: 'Secret s: Odd: x',
    blockedBy: 'Secret s: read the message',
  },
  'the file of a version changed': {
    facts: {
      versions: [
        version('v1', {
          digest: 'd'.repeat(64),
          reports: new Map([['digits-v1-0', report({ state: 'Loaded', digest: 'a'.repeat(64) })]]),
        }),
      ],
    },
    holds: 'Accepted Available Stalled',
    reason: 'DigestChanged',
    message: 'v1: pod digits-v1-0 loaded sha256 aaaaaaaaaaaa…, v1 was first served with dddddddddddd…',
    blockedBy: 'v1: put the old file back, or add a version for the new one',
  },
  'what lasts is told first': {
    facts: {
      versions: [unready('v1', [startingPod('a')]), unready('v2', [missing])],
      waiting: ['v1 is not ready'],
    },
    holds: 'Accepted Stalled',
    reason: 'LoadFailed',
    message: `${GONE_V2}; v1: 0 of 1 replica ready; v1 is not ready`,
    blockedBy: 'v2: put the model where model.uri says, or add a version with the right URI (pod digits-v2-x)',
  },
  'a size of none serves nobody': {
    facts: { versions: [version('v1', { replicas: 0, deployment: deployment(0), pods: [] })] },
    holds: 'Accepted Reconciling',
    reason: 'NotServing',
    message: 'no version that takes traffic has a ready replica',
  },
};

describe('a ModelDeployment says', () => {
  test.each(Object.entries(rows))('%s', (_name, row) => {
    const said = told(facts(row.facts));
    const { reason, message } = conditionOf(said, 'Ready');
    expect(trueOnes(said)).toBe(row.holds);
    expect(reason).toBe(row.reason);
    expect(message).toContain(row.message);
    expect(said.blockedBy).toBe(row.blockedBy);
  });

  test('warnings stand in Accepted', () => {
    const warning = {
      severity: 'warning' as const,
      reason: 'NothingRequested',
      message: 'v1: nothing\nrequested',
      path: '',
    };
    const said = conditionOf(told(facts({ warnings: [warning] })), 'Accepted');
    expect([said.status, said.reason]).toEqual(['True', 'AcceptedWithWarnings']);
    expect(said.message).toBe('the spec was taken, but v1: nothing requested');
  });

  test('a status that is far too long is cut to what the schema takes', () => {
    const versions = Array.from({ length: 80 }, (_, i) =>
      unready(`v${i}`, [crashingPod(`p${i}`, `MODEL_CORRUPT: ${'😀'.repeat(3_000)}`)]),
    );
    const split = table(Object.fromEntries(versions.slice(0, 64).map(({ name }) => [name.padEnd(40, 'x'), 1.5625])));
    const problem = { object: 'o'.repeat(9_000), reason: 'Invalid', message: 'm'.repeat(9_000), transient: false };
    const said = told(facts({ versions, table: split, url: `http://${'u'.repeat(5_000)}`, objectProblems: [problem] }));
    expect(said.versions).toHaveLength(64);
    expect(said.blockedBy).toHaveLength(1_024);
  });
});

describe('when to write and when to look again', () => {
  test('the order that the API server keeps does not count', () => {
    const said = told(facts({ versions: [version('v1'), version('v2')] }));
    const reversed = {
      ...said,
      conditions: said.conditions?.toReversed(),
      versions: said.versions?.toReversed(),
    };
    expect(sameStatus(reversed, said)).toBe(true);
    expect(sameStatus(undefined, said)).toBe(false);
    expect(sameStatus({ ...said, traffic: 'v1:99 v2:1' }, said)).toBe(false);
  });

  test('a pod without a node is looked at again when patience ends', () => {
    const waits = (since: number) =>
      changesIn(facts({ versions: [unready('v1', [unscheduledPod('a', '', at(since)), startingPod('b')])] }));
    expect([waits(590), waits(480), waits(0)]).toEqual([110_000, undefined, undefined]);
    expect(changesIn(facts())).toBeUndefined();
  });
});
