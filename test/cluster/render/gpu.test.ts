/** Pods of what is rendered for a GPU, put on nodes by a real scheduler. */
import { describe, expect, it } from 'vitest';
import type { ModelDeployment } from '../../../api/model-deployment.ts';
import type { Serving } from '../../../api/serving.ts';
import { mustCall } from '../../control-plane/access.ts';
import { renderOne } from '../../operator/render/cases.ts';
import { useCards } from '../harness/cards.ts';
import { eventually, namespace, useCluster } from '../harness/cluster.ts';
import { digits } from '../harness/manifests.ts';
import { podOf } from './surroundings.ts';

const access = useCluster();
useCards();

interface Pod {
  spec: { nodeName?: string };
  status: { conditions?: { type: string; status: string; message?: string }[] };
}

/** The node that the pod of such a version is put on, or why it is on none. */
async function placeOf(gpu: NonNullable<Serving['gpu']>): Promise<string> {
  const place = await namespace();
  const versions = [{ name: 'v1', model: { uri: 'https://models.example.com/1.onnx' } }];
  const md = digits({ namespace: place, spec: { versions, serving: { gpu } } }) as ModelDeployment;
  const deployment = renderOne(md).objects.find(({ kind }) => kind === 'Deployment');
  if (!deployment) throw new Error('no Deployment was rendered');
  const pod = podOf(deployment);
  const pods = `/api/v1/namespaces/${place}/pods`;
  await mustCall(access, 'POST', pods, pod);
  try {
    return await eventually('the scheduler has decided', async () => {
      const { spec, status } = (await mustCall(access, 'GET', `${pods}/${pod.metadata.name}`)) as Pod;
      const no = status.conditions?.find((c) => c.type === 'PodScheduled' && c.status === 'False');
      return spec.nodeName ?? no?.message;
    });
  } finally {
    // Other tests count the GPUs that are free.
    await mustCall(access, 'DELETE', `${pods}/${pod.metadata.name}?gracePeriodSeconds=0`);
  }
}

describe('a version is put on a node whose GPU is', () => {
  const cases: Record<string, [NonNullable<Serving['gpu']>, RegExp]> = {
    'of the product': [{ count: 1, products: ['NVIDIA-H200'] }, /^h200-/],
    'large enough': [{ count: 2, minMemory: '140Gi' }, /^h200-/],
    'a whole one': [{ count: 1 }, /^h200-/],
    'cut into slices of the profile': [{ mig: '1g.10gb', minMemory: '9Gi' }, /^a100-mig$/],
    'shared, of the product': [{ shared: true, products: ['NVIDIA-L4'] }, /^l4-shared$/],
  };
  it.each(Object.entries(cases))('%s', async (_, [gpu, node]) => {
    expect(await placeOf(gpu)).toMatch(node);
  });
});

describe('a version is put on no node when its GPU is', () => {
  const cases: Record<string, NonNullable<Serving['gpu']>> = {
    'of a product that is not here': { count: 1, products: ['NVIDIA-B200'] },
    'larger than any here': { count: 1, minMemory: '141Gi' },
    'more than a node has': { count: 9 },
    'a slice larger than those here': { mig: '1g.10gb', minMemory: '10Gi' },
  };
  it.each(Object.entries(cases))('%s', async (_, gpu) => {
    expect(await placeOf(gpu)).toContain('0/7 nodes are available');
  });
});
