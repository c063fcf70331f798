/** Why no node takes a pod. */
import { describe, expect, test } from 'vitest';
import type { Serving } from '../../../../api/serving.ts';
import type { NodeFacts } from '../../../../operator/reconcile/status/facts.ts';
import { unschedulable } from '../../../../operator/reconcile/status/scheduling.ts';
import { at, node, readyPod, T0, unscheduledPod } from './build.ts';

const H200 = 'NVIDIA-H200';
const A100 = 'NVIDIA-A100-SXM4-80GB';
const NO_GPU =
  '0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.';
const NO_MATCH = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.";
const TAINT = '0/3 nodes are available: 3 node(s) had untolerated taint {team: x}.';

const one = (more: Partial<NonNullable<Serving['gpu']>> = {}): Serving => ({
  gpu: { count: 1, products: [H200], ...more },
});
const scheduler = (said: string) => `; the scheduler says: ${said}`;
const FULL = '0/3 nodes are available: 3 Insufficient nvidia.com/gpu';
const UNMATCHED = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector";

describe('a pod cannot be scheduled', () => {
  const table: Record<string, [Serving, readonly NodeFacts[], string, string]> = {
    'without a GPU: the words of the scheduler, without those on preemption': [
      {},
      [node('a')],
      '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available.',
      '0/1 nodes are available: 1 Insufficient cpu',
    ],
    'the words of a newer scheduler, without those on claims': [
      {},
      [node('a')],
      '0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/1 nodes are available.',
      '0/1 nodes are available: 1 node(s) had untolerated taint(s)',
    ],
    'all GPUs of the kind are in use': [
      one(),
      [node('a', 8, H200), node('b', 8, H200), node('c')],
      NO_GPU,
      `0 of 3 nodes have a free NVIDIA-H200 (2 with it, in use)${scheduler(FULL)}`,
    ],
    'no node has the product': [
      one(),
      [node('a', 8, A100), node('b', 8, A100), node('c')],
      NO_MATCH,
      `no node of 3 has NVIDIA-H200 (there are: NVIDIA-A100-SXM4-80GB ×2)${scheduler(UNMATCHED)}`,
    ],
    'no node has a GPU at all': [
      { gpu: { count: 1 } },
      [node('a'), node('b')],
      NO_GPU,
      `no node of 2 has nvidia.com/gpu (none is labelled with a GPU)${scheduler(FULL)}`,
    ],
    'more at once than any node has': [
      one({ count: 16 }),
      [node('a', 8, H200), node('b', 4, H200)],
      NO_GPU,
      `no node of 2 has 16 NVIDIA-H200: the largest has 8${scheduler(FULL)}`,
    ],
    'several at once, in use': [
      one({ count: 4 }),
      [node('a', 8, H200)],
      NO_GPU,
      `0 of 1 nodes have 4 free NVIDIA-H200 (1 with it, in use)${scheduler(FULL)}`,
    ],
    'more memory than the product has': [
      { gpu: { count: 1, minMemory: '200Gi' } },
      [node('a', 8, H200)],
      NO_MATCH,
      `no node of 1 has nvidia.com/gpu with 200Gi of memory (there are: NVIDIA-H200 ×1)${scheduler(UNMATCHED)}`,
    ],
    'a node is labelled and offers nothing': [
      one(),
      [node('a', 0, H200)],
      NO_GPU,
      `1 of 1 nodes is labelled NVIDIA-H200 without any nvidia.com/gpu to offer: does its device plugin run there?${scheduler(FULL)}`,
    ],
    'the only node is cordoned': [
      one(),
      [node('a', 8, H200, { unschedulable: true }), node('b')],
      TAINT,
      `1 of 2 nodes has NVIDIA-H200, cordoned or not ready${scheduler(TAINT.slice(0, -1))}`,
    ],
    'the GPU is free, but something else is in the way': [
      one(),
      [node('a', 8, H200), node('b', 8, H200)],
      TAINT,
      `2 of 2 nodes have NVIDIA-H200, and the pod fits on none of them${scheduler(TAINT.slice(0, -1))}`,
    ],
    'one of two products would do': [
      one({ products: [H200, 'NVIDIA-H100-80GB-HBM3'] }),
      [node('a', 8, H200)],
      NO_GPU,
      `0 of 1 nodes have a free NVIDIA-H200 or NVIDIA-H100-80GB-HBM3 (1 with it, in use)${scheduler(FULL)}`,
    ],
    'a MIG slice': [
      { gpu: { mig: '1g.10gb' } },
      [node('a', 8, A100)],
      '0/1 nodes are available: 1 Insufficient nvidia.com/mig-1g.10gb.',
      `no node of 1 has 1g.10gb slice of a GPU (there are: NVIDIA-A100-SXM4-80GB ×1)${scheduler('0/1 nodes are available: 1 Insufficient nvidia.com/mig-1g.10gb')}`,
    ],
    'a claim: no node counts devices': [
      { gpu: { claim: { deviceClass: 'gpu.nvidia.com' } } },
      [node('a', 8, A100)],
      '0/1 nodes are available: 1 cannot allocate all claims.',
      'the scheduler says: 0/1 nodes are available: 1 cannot allocate all claims',
    ],
    'no node is known': [one(), [], NO_GPU, `the scheduler says: ${FULL}`],
    'the scheduler is silent': [{}, [], '', 'the scheduler does not say why'],
  };

  test.each(Object.entries(table))('%s', (_name, [serving, nodes, message, expected]) => {
    const failure = unschedulable(unscheduledPod('p', message), serving, nodes, T0);
    expect(failure?.message).toBe(`pod p cannot be scheduled: ${expected}`);
  });

  test('a shared GPU is told from a whole one by the label of its node', () => {
    const shared = node('a', 8, `${H200}-SHARED`);
    const labels = { ...shared.labels, 'nvidia.com/gpu.sharing-strategy': 'time-slicing' };
    const failure = unschedulable(unscheduledPod('p', NO_GPU), one(), [{ ...shared, labels }], T0);
    expect(failure?.message).toContain(`no node of 1 has NVIDIA-H200 (there are: ${H200}-SHARED ×1)`);
  });

  test('it lasts after two minutes', () => {
    const lasts = (seconds: number) => unschedulable(unscheduledPod('p', NO_GPU), {}, [], at(seconds))?.lasting;
    expect([lasts(0), lasts(119), lasts(120), lasts(9_999)]).toEqual([false, false, true, true]);
  });

  test('a pod that has its node says nothing of it', () => {
    expect(unschedulable(readyPod('p'), {}, [], T0)).toBeUndefined();
  });
});
