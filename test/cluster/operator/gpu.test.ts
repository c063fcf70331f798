/** Versions on GPUs, from the spec to the node; the cards are labels and counts, the scheduler is real. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Serving } from '../../../api/serving.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { CLAIM_TEMPLATES, DEPLOYMENTS, MODEL_DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { versionName } from '../../../operator/render/names.ts';
import { useCards } from '../harness/cards.ts';
import { eventually } from '../harness/cluster.ts';
import type { ModelDeploymentManifest } from '../harness/manifests.ts';
import { one } from '../harness/one-version.ts';
import { conditionOf, World } from '../harness/operator.ts';
import { place, podsOf, RUNNING, untilPods } from '../harness/pod-words.ts';
import { follow } from '../harness/seen.ts';

type Gpu = NonNullable<Serving['gpu']>;

useCards();

let world: World;
beforeAll(async () => {
  world = await World.open();
});
// Other tests count the cards that are free.
afterAll(async () => {
  for (const { metadata } of await world.list(MODEL_DEPLOYMENTS)) await remove(metadata.name);
  await world[Symbol.asyncDispose]();
});

function on(gpu: Gpu | undefined, name: string, more: Partial<Serving> = {}): ModelDeploymentManifest {
  return one(name, { ...(gpu && { gpu }), ...more });
}

/** And waits until its pods are gone. */
async function remove(name: string): Promise<void> {
  await world.client.delete(MODEL_DEPLOYMENTS, world.key(name));
  await eventually(`${name} is gone`, async () => {
    const pods = await world.pods();
    return pods.every(({ metadata }) => metadata.labels?.['modelship.dev/model'] !== name);
  });
}

interface Spec {
  nodeName?: string;
  containers: { env?: { name: string; value?: string }[] }[];
}
const specOf = (object: StoredObject) => object.spec as unknown as Spec;

describe('all pods are put on nodes whose GPUs are', () => {
  const cases: Record<string, { gpu: Gpu; replicas: number; nodes: RegExp }> = {
    'of the product': { gpu: { count: 1, products: ['NVIDIA-H200'] }, replicas: 3, nodes: /^h200-/ },
    'large enough': { gpu: { count: 2, minMemory: '140Gi' }, replicas: 2, nodes: /^h200-/ },
    'cut into slices of the profile': { gpu: { mig: '1g.10gb', minMemory: '9Gi' }, replicas: 3, nodes: /^a100-mig$/ },
    shared: { gpu: { shared: true }, replicas: 2, nodes: /^l4-shared$/ },
  };
  it.each(Object.entries(cases))('%s', async (what, { gpu, replicas, nodes }) => {
    const name = what.replaceAll(' ', '-').slice(0, 12).replace(/-$/, '');
    await world.apply(on(gpu, name, { replicas }));
    const status = await world.untilReady(name);
    expect(status.versions?.[0]).toMatchObject({ readyReplicas: replicas, phase: 'Ready' });
    const pods = await podsOf(world, name);
    for (const pod of pods) expect(specOf(pod).nodeName).toMatch(nodes);
    expect(pods).toHaveLength(replicas);
    await remove(name);
  });

  it('none: no GPU is to be seen', async () => {
    await world.apply(on(undefined, 'blind'));
    await world.untilReady('blind');
    const [pod] = await podsOf(world, 'blind');
    expect(pod && specOf(pod).containers[0]?.env).toContainEqual({ name: 'NVIDIA_VISIBLE_DEVICES', value: 'void' });
    expect(pod && specOf(pod).nodeName).toMatch(/^plain-/);
    await remove('blind');
  });
});

describe('without a free place the status says which cards are wanted, and who has them:', () => {
  const cases: Record<string, { gpu: Gpu; replicas?: number; says: string }> = {
    'more replicas than cards': {
      gpu: { count: 8, products: ['NVIDIA-H200'] },
      replicas: 3,
      says: '0 of 7 nodes have 8 free NVIDIA-H200 (2 with it, in use)',
    },
    'more slices than there are': {
      gpu: { mig: '1g.10gb', products: ['NVIDIA-A100-SXM4-80GB'] },
      replicas: 8,
      says: '0 of 7 nodes have a free 1g.10gb slice of NVIDIA-A100-SXM4-80GB (1 with it, in use)',
    },
    'more shares than there are': {
      gpu: { shared: true },
      replicas: 5,
      says: '0 of 7 nodes have a free share of a GPU (1 with it, in use)',
    },
    'a product that is not here': {
      gpu: { count: 1, products: ['NVIDIA-B200'] },
      says: 'no node of 7 has NVIDIA-B200 (there are: NVIDIA-A100-SXM4-80GB ×1, NVIDIA-H200 ×2, NVIDIA-L4 ×1)',
    },
    'more cards than a node has': {
      gpu: { count: 9, products: ['NVIDIA-H200'] },
      says: 'no node of 7 has 9 NVIDIA-H200: the largest has 8',
    },
  };
  let count = 0;
  it.each(Object.entries(cases))('%s', async (_, { gpu, replicas = 1, says }) => {
    const name = `no-room-${count++}`;
    await world.apply(on(gpu, name, { replicas }));
    const status = await world.until(
      'it is said, and the others are ready',
      ({ versions }) => versions?.[0]?.failure?.code === 'Unschedulable' && versions[0].readyReplicas === replicas - 1,
      { name },
    );
    const [version] = status.versions ?? [];
    expect(version?.failure?.message).toMatch(/^pod no-room-\d-v1-\S+ cannot be scheduled: /);
    expect(version?.failure?.message).toContain(`${says}; the scheduler says: 0/7 nodes are available: `);
    expect(conditionOf(status, 'Ready')).toMatchObject({ status: 'False', reason: 'Unschedulable' });
    expect(conditionOf(status, 'Ready')?.message).toContain(says);
    expect(conditionOf(status, 'Reconciling')?.status).toBe('True');
    expect(conditionOf(status, 'Available')?.status).toBe(replicas > 1 ? 'True' : 'False');
    await remove(name);
  });
});

describe('an update of a version that fills the GPUs it runs on', () => {
  const whole: Gpu = { count: 8, products: ['NVIDIA-H200'] };
  const strategyOf = (deployment: StoredObject | undefined) =>
    (deployment as unknown as { spec: { strategy: { rollingUpdate: object } } }).spec.strategy.rollingUpdate;

  it('is made in place once the new pod was seen to find no room, and the strategy comes back', async () => {
    await world.apply(on(whole, 'filler'));
    await world.apply(on(whole, 'full'));
    await Promise.all([world.untilReady('filler'), world.untilReady('full')]);
    expect(strategyOf(await world.deployment('v1', 'full'))).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    const [before] = await untilPods(world, 'full');

    await using deployments = await follow(world.namespace, DEPLOYMENTS);
    await world.apply(on(whole, 'full', { pod: { env: [{ name: 'CHANGED', value: 'yes' }] } }));
    const status = await world.untilReady('full');
    expect(status.versions?.[0]).toMatchObject({ phase: 'Ready', readyReplicas: 1 });
    const [after] = await podsOf(world, 'full');
    expect(after?.metadata.name).not.toBe(before);
    expect(after && specOf(after).containers[0]?.env).toContainEqual({ name: 'CHANGED', value: 'yes' });
    await eventually('it was updated in place, and the strategy is as before', async () => {
      expect(await deployments.values(versionName('full', 'v1'), strategyOf)).toEqual([
        { maxSurge: 1, maxUnavailable: 0 },
        { maxSurge: 0, maxUnavailable: 1 },
        { maxSurge: 1, maxUnavailable: 0 },
      ]);
      return true;
    });
    await world.settled();
    expect(await podsOf(world, 'full')).toHaveLength(1);
    await remove('filler');
    await remove('full');
  });

  it('of two replicas goes on with one', async () => {
    await world.apply(on(whole, 'pair', { replicas: 2 }));
    await world.untilReady('pair');
    const before = await untilPods(world, 'pair', 2);
    const generation = (await world.apply(on(whole, 'pair', { replicas: 2, session: { threads: 2 } }))).metadata
      .generation;
    let least = 2;
    await eventually('it is updated', async () => {
      const status = await world.status('pair');
      least = Math.min(least, status?.versions?.[0]?.readyReplicas ?? 0);
      const after = await podsOf(world, 'pair');
      const all = after.length === 2 && after.every(({ metadata }) => !before.includes(metadata.name));
      const ready = conditionOf(status, 'Ready');
      return all && ready?.status === 'True' && ready.observedGeneration === generation;
    });
    expect(least).toBeGreaterThanOrEqual(1);
    await remove('pair');
  });
});

describe('a claim (DRA)', () => {
  const templates = async () =>
    (await world.list(CLAIM_TEMPLATES))
      .map(({ metadata }) => metadata.name)
      .filter((name) => name.startsWith('claims'));
  const claimed = async () => {
    const { spec } = (await world.deployment('v1', 'claims')) as unknown as {
      spec: { template: { spec: { resourceClaims: { resourceClaimTemplateName: string }[] } } };
    };
    return spec.template.spec.resourceClaims[0]?.resourceClaimTemplateName;
  };
  const claiming = (count: number) => on({ claim: { deviceClass: 'gpu.nvidia.com', count } }, 'claims');

  it('has a template, and its pod waits for a device', async () => {
    await world.apply(claiming(1));
    const status = await world.until('its pod waits', (s) => s.versions?.[0]?.failure !== undefined, {
      name: 'claims',
    });
    expect(status.versions?.[0]?.failure).toMatchObject({
      code: 'Unschedulable',
      message: expect.stringMatching(/cannot be scheduled: the scheduler says: .*(device class|claim)/i),
    });
    const [template, ...others] = await templates();
    expect(others).toEqual([]);
    expect(await claimed()).toBe(template);
  });

  it('that changes has another template; the old one stays until no pod may be made of it', async () => {
    const [pod = ''] = await untilPods(world, 'claims');
    await place(world, pod, RUNNING);
    await world.untilReady('claims');
    const [first] = await templates();
    await using seen = await follow(world.namespace, CLAIM_TEMPLATES);
    await world.apply(claiming(2));
    const second = await eventually('there is another', async () => (await templates()).find((name) => name !== first));
    const used = await eventually('the old one is gone', async () => {
      if ((await templates()).includes(first ?? '')) return undefined;
      return { still: (await podsOf(world, 'claims')).filter(({ metadata }) => metadata.name === pod) };
    });
    expect(used.still).toEqual([]);
    await seen.caughtUp();
    const ends = seen.events.map(({ type, object }) => `${type} ${object.metadata.name}`);
    expect(ends.filter((end) => !end.startsWith('MODIFIED'))).toEqual([
      `ADDED ${first}`,
      `ADDED ${second}`,
      `DELETED ${first}`,
    ]);
    expect(await templates()).toEqual([second]);
    expect(await claimed()).toBe(second);
  });

  it('that is given up leaves no template', async () => {
    await world.apply(on(undefined, 'claims', { replicas: 1 }));
    await world.untilReady('claims');
    await eventually('none is left', async () => (await templates()).length === 0);
    await remove('claims');
  });
});
