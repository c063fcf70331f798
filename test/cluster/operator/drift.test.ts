/** Hands in what the operator made: what is ours is put back, what is others' stays. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TrafficTable } from '../../../api/traffic-table.ts';
import { CONFIG_MAPS, DEPLOYMENTS, SERVICES } from '../../../operator/reconcile/resources.ts';
import { versionName } from '../../../operator/render/names.ts';
import { eventually, kubectl } from '../harness/cluster.ts';
import { digits } from '../harness/manifests.ts';
import { conditionOf, World } from '../harness/operator.ts';

const V1 = versionName('digits', 'v1');
const TABLE = 'digits-traffic';

interface Template {
  metadata: { annotations: Record<string, string> };
  spec: { containers: { name: string; image: string; env: { name: string; value?: string }[] }[] };
}

interface Hand {
  what: string;
  acts(): Promise<unknown>;
  isPutBack(): Promise<void>;
}

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world[Symbol.asyncDispose]());

async function kubectlDoes(...args: string[]): Promise<void> {
  expect(await kubectl(args, { namespace: world.namespace })).toMatchObject({ code: 0 });
}

const specOf = async (resource = DEPLOYMENTS, name = V1) =>
  (await world.get(resource, name))?.spec as {
    replicas: number;
    selector: object;
    template: Template;
    clusterIP: string;
  };

async function runtime() {
  const { template } = await specOf();
  return template.spec.containers.find(({ name }) => name === 'runtime');
}

async function table(): Promise<TrafficTable> {
  const { data } = (await world.get(CONFIG_MAPS, TABLE)) as unknown as { data: Record<string, string> };
  return JSON.parse(data['traffic.json'] ?? '');
}

const writeTable = (text: string) =>
  world.client.patch(CONFIG_MAPS, world.key(TABLE), { data: { 'traffic.json': text } }, { manager: 'hand' });

/** Of the table when a hand was laid on it. */
let tampered = 0;

const ANOTHER_TABLE: Hand = {
  what: 'a traffic table that is another valid one',
  acts: async () => {
    const now = await table();
    tampered = now.revision + 1;
    const versions = now.versions.map((v) => ({
      ...v,
      share: v.name === 'v2' ? 10_000 : 0,
      ranges: v.name === 'v2' ? [[0, 10_000]] : [],
    }));
    await writeTable(JSON.stringify({ ...now, revision: tampered, primary: 'v2', versions }));
  },
  isPutBack: async () => {
    expect(await world.shares()).toEqual({ v1: 90, v2: 10 });
    expect(await table()).toMatchObject({ primary: 'v1', model: 'digits' });
    expect((await table()).revision).toBeGreaterThan(tampered);
  },
};

const HANDS: Hand[] = [
  {
    what: 'the image of a Deployment',
    acts: () => kubectlDoes('set', 'image', `deployment/${V1}`, 'runtime=somebody/else:1'),
    isPutBack: async () => expect((await runtime())?.image).toBe('modelship-runtime:test'),
  },
  {
    what: 'the value of an environment variable',
    acts: async () => {
      const [first] = (await runtime())?.env ?? [];
      expect(first?.value).toBeDefined();
      await kubectlDoes('set', 'env', `deployment/${V1}`, `${first?.name}=from-a-hand`);
    },
    isPutBack: async () => expect((await runtime())?.env[0]?.value).not.toBe('from-a-hand'),
  },
  {
    what: 'a label of ours that is removed',
    acts: () => kubectlDoes('label', 'deployment', V1, 'app.kubernetes.io/component-'),
    isPutBack: async () =>
      expect((await world.get(DEPLOYMENTS, V1))?.metadata.labels).toHaveProperty(['app.kubernetes.io/component']),
  },
  {
    what: 'the label by which we find an object',
    acts: () => kubectlDoes('label', 'service', V1, 'modelship.dev/model-'),
    isPutBack: async () =>
      expect((await world.get(SERVICES, V1))?.metadata.labels).toHaveProperty(['modelship.dev/model'], 'digits'),
  },
  {
    what: 'one term more in the selector of a Service',
    acts: () => world.client.patch(SERVICES, world.key('digits'), { spec: { selector: { more: 'than-that' } } }),
    isPutBack: async () =>
      expect((await specOf(SERVICES, 'digits')).selector).toEqual({
        'modelship.dev/model': 'digits',
        'modelship.dev/version': 'v1',
      }),
  },
  {
    what: 'the size of a Deployment',
    acts: () => kubectlDoes('scale', 'deployment', V1, '--replicas=3'),
    isPutBack: async () => expect((await specOf()).replicas).toBe(1),
  },
];

/** After the others: they are about the same objects. */
const LATER: Hand[] = [
  {
    what: 'a traffic table that is nonsense',
    acts: async () => {
      tampered = (await table()).revision;
      await writeTable('{"revision": 1, "versions": 7}');
    },
    isPutBack: async () => {
      expect(await world.shares()).toEqual({ v1: 90, v2: 10 });
      expect((await table()).revision).toBeGreaterThanOrEqual(tampered);
    },
  },
  {
    what: 'a public Service that is deleted',
    acts: () => world.client.delete(SERVICES, world.key('digits')),
    isPutBack: async () => expect(await specOf(SERVICES, 'digits')).toBeDefined(),
  },
  {
    what: 'a Deployment that is deleted',
    acts: () => world.client.delete(DEPLOYMENTS, world.key(V1)),
    isPutBack: async () => expect((await world.get(DEPLOYMENTS, V1))?.metadata).not.toHaveProperty('deletionTimestamp'),
  },
];

const LAST: Hand[] = [
  {
    what: 'a traffic table that is deleted',
    acts: async () => {
      tampered = (await table()).revision;
      await world.client.delete(CONFIG_MAPS, world.key(TABLE));
    },
    isPutBack: async () => {
      expect(await world.shares()).toEqual({ v1: 90, v2: 10 });
      expect((await table()).revision).toBeGreaterThanOrEqual(tampered);
    },
  },
];

const holds = (check: () => Promise<void>) => async () => {
  await check();
  return true;
};

/** Nothing is written again and again, nor read: what goes on after a hand comes to rest, for so long. */
async function expectRest(ms: number): Promise<void> {
  await world.untilReady();
  // Where this is never so, it says what is asked.
  await world.settled(ms);
  await world.untilReady();
}

/** Each pod was told of the table as it is now. */
async function arePodsTold(): Promise<boolean> {
  const { revision } = await table();
  const told = (await world.pods()).map(({ metadata }) => metadata.annotations?.['modelship.dev/table-revision']);
  return told.length > 0 && told.every((text) => Number(text?.split('.')[0]) === revision);
}

describe('a hand in what is ours', () => {
  beforeAll(async () => {
    await world.apply(digits());
    await world.untilReady();
    await world.settled();
  });

  beforeEach(() => {
    tampered = 0;
  });

  it('is undone, and pods are told: '.concat(ANOTHER_TABLE.what), async () => {
    await ANOTHER_TABLE.acts();
    await eventually('the table is put back', holds(ANOTHER_TABLE.isPutBack));
    await eventually('the pods are told', arePodsTold);
  });

  it.each([...HANDS, ...LATER, ...LAST])('is undone: $what', async ({ what, acts, isPutBack }) => {
    await acts();
    await eventually(`${what} is put back`, holds(isPutBack));
  });

  it('and then all is as before, and at rest', async () => {
    await expectRest(3_000);
    expect(await world.status()).toMatchObject({ traffic: 'v1:90 v2:10' });
  });
});

describe('a hand that is at work while the operator is away', () => {
  it('is undone when it comes back, and pods are told: '.concat(ANOTHER_TABLE.what), async () => {
    await world.stop();
    await ANOTHER_TABLE.acts();
    world.reports.mute = true;
    await world.start();
    await eventually('the table is put back', holds(ANOTHER_TABLE.isPutBack));
    await eventually('the pods are told', arePodsTold);
    // Until they say so it is not taken for granted that they follow.
    await world.until('it is told', (said) => conditionOf(said, 'Ready')?.reason === 'TrafficMoving');
    world.reports.mute = false;
    await world.untilReady();
  });

  it.each([
    ['in many places', HANDS],
    ['in still others', LATER],
    ['in the last', LAST],
  ])('is undone when it comes back: %s', async (_, hands) => {
    await world.stop();
    for (const { acts } of hands) await acts();
    await world.start();
    for (const { what, isPutBack } of hands) await eventually(`${what} is put back`, holds(isPutBack));
    await world.untilReady();
  });

  it('and then all is at rest', () => expectRest(1_000));
});

describe("what is others'", () => {
  const sidecar = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: V1, annotations: { 'example.com/note': 'kept' }, labels: { team: 'vision' } },
    spec: {
      template: {
        metadata: { annotations: { 'sidecar.example.com/injected': 'yes' } },
        spec: {
          containers: [
            { name: 'runtime', env: [{ name: 'FROM_ANOTHER', value: 'kept' }] },
            { name: 'proxy', image: 'proxy:1' },
          ],
        },
      },
    },
  };
  let clusterIP: string;

  beforeAll(async () => {
    clusterIP = (await specOf(SERVICES, 'digits')).clusterIP;
    const metadata = { ...sidecar.metadata, namespace: world.namespace };
    await world.client.apply(DEPLOYMENTS, { ...sidecar, metadata }, { manager: 'mesh' });
    await kubectlDoes('rollout', 'restart', `deployment/${V1}`);
    await kubectlDoes('annotate', 'service', 'digits', 'example.com/note=kept');
    await eventually('the pods are those of the new template', async () => {
      const { metadata, status } = (await world.get(DEPLOYMENTS, V1)) as unknown as {
        metadata: { generation: number };
        status: { observedGeneration?: number; replicas?: number; updatedReplicas?: number; readyReplicas?: number };
      };
      expect(status).toMatchObject({ replicas: 1, updatedReplicas: 1, readyReplicas: 1 });
      return status.observedGeneration === metadata.generation;
    });
  });

  async function expectKept(): Promise<void> {
    const deployment = await world.get(DEPLOYMENTS, V1);
    expect(deployment?.metadata.annotations).toMatchObject({ 'example.com/note': 'kept' });
    expect(deployment?.metadata.labels).toMatchObject({ team: 'vision' });
    const { template } = await specOf();
    expect(template.metadata.annotations).toHaveProperty(['sidecar.example.com/injected'], 'yes');
    expect(template.metadata.annotations).toHaveProperty(['kubectl.kubernetes.io/restartedAt']);
    expect(template.spec.containers.map(({ name }) => name).sort()).toEqual(['proxy', 'runtime']);
    expect((await runtime())?.env).toContainEqual({ name: 'FROM_ANOTHER', value: 'kept' });
    const service = await world.get(SERVICES, 'digits');
    expect(service?.metadata.annotations).toMatchObject({ 'example.com/note': 'kept' });
    expect(service?.spec).toMatchObject({ clusterIP });
  }

  it('is left alone', async () => {
    await expectRest(1_000);
    await expectKept();
  });

  it('is left alone also when ours beside it is put back', async () => {
    await kubectlDoes('set', 'image', `deployment/${V1}`, 'runtime=somebody/else:1');
    await eventually('the image is put back', async () => (await runtime())?.image === 'modelship-runtime:test');
    await kubectlDoes('label', 'service', 'digits', 'app.kubernetes.io/name=other', '--overwrite');
    await eventually('the label is put back', async () => {
      return (await world.get(SERVICES, 'digits'))?.metadata.labels?.['app.kubernetes.io/name'] === 'digits';
    });
    await expectKept();
    await expectRest(1_000);
  });
});
