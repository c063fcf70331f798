/** Sizes: who sets them, and that none is ever lost on the way from one to another. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { isReady, slimPod } from '../../../operator/reconcile/pod.ts';
import { AUTOSCALERS, BUDGETS, CONFIG_MAPS, DEPLOYMENTS, PODS } from '../../../operator/reconcile/resources.ts';
import { versionName } from '../../../operator/render/names.ts';
import { eventually, kubectl } from '../harness/cluster.ts';
import { digitsOf, version } from '../harness/models.ts';
import { conditionOf, World } from '../harness/operator.ts';
import { follow, type Seen } from '../harness/seen.ts';

const V1 = versionName('digits', 'v1');
const V2 = versionName('digits', 'v2');
const QUICK = { retireAfter: '1s' };

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world[Symbol.asyncDispose]());

const sizeIn = ({ spec }: StoredObject) => (spec as { replicas: number }).replicas;
const sizes = (seen: Seen, name: string) => seen.values(name, sizeIn);
const sizeOf = async (name: string) => sizeIn((await world.get(DEPLOYMENTS, name)) as StoredObject);
const bounds = async (name: string) => (await world.get(AUTOSCALERS, name))?.spec as Record<string, number> | undefined;
const scale = (name: string, replicas: number) =>
  kubectl(['scale', 'deployment', name, `--replicas=${replicas}`], { namespace: world.namespace });
const applyOne = (serving: object) => world.apply(digitsOf([version('v1', 100, { serving })], QUICK));
const untilSize = (name: string, size: number) =>
  eventually(`${name} is at ${size}`, async () => (await sizeOf(name)) === size);

/** A size that a hand has set is there before the operator has seen it: from here on it plans with it. */
const seenAt = (name: string, size: number) =>
  world.until(`${name} is seen to have ${size}`, (status) => {
    const { replicas, readyReplicas } = status.versions?.find((one) => one.name === name) ?? {};
    return replicas === size && readyReplicas === size && conditionOf(status, 'Ready')?.status === 'True';
  });

/** Of the first version of the object that is so. */
async function versionOf(seen: Seen, name: string, holds: (object: StoredObject) => boolean): Promise<number> {
  await seen.caughtUp();
  const found = seen.events.find(({ object }) => object.metadata.name === name && holds(object));
  return Number(found?.object.metadata.resourceVersion ?? Number.NaN);
}

describe('a fixed size', () => {
  it('follows the spec, and brings a PodDisruptionBudget from two on', async () => {
    await applyOne({ replicas: 1 });
    await world.untilReady();
    expect(await world.get(BUDGETS, V1)).toBeUndefined();
    await applyOne({ replicas: 3 });
    await world.untilReady();
    expect(await sizeOf(V1)).toBe(3);
    expect((await world.get(BUDGETS, V1))?.spec).toMatchObject({ maxUnavailable: 1 });
    await applyOne({ replicas: 1 });
    await world.untilReady();
    expect(await sizeOf(V1)).toBe(1);
    await eventually('the budget is gone', async () => !(await world.get(BUDGETS, V1)));
  });
});

describe('from a fixed size to autoscaling and back', () => {
  it('the size is never lost', async () => {
    await applyOne({ replicas: 5 });
    await world.untilReady();
    await using seen = await follow(world.namespace, DEPLOYMENTS);
    await applyOne({ autoscaling: { min: 2, max: 10 } });
    await world.untilReady();
    expect(await bounds(V1)).toMatchObject({ minReplicas: 2, maxReplicas: 10 });
    await world.settled(1_200);
    expect(await sizes(seen, V1)).toEqual([5]);

    await scale(V1, 7);
    await seenAt('v1', 7);
    await world.settled(1_200);
    expect(await sizes(seen, V1)).toEqual([5, 7]);

    await applyOne({ replicas: 3 });
    await world.untilReady();
    expect(await bounds(V1)).toBeUndefined();
    await world.settled();
    expect(await sizes(seen, V1)).toEqual([5, 7, 3]);
  });

  it('also not when the operator is started anew on the way', async () => {
    await using seen = await follow(world.namespace, DEPLOYMENTS);
    await world.stop();
    await applyOne({ autoscaling: { min: 2, max: 10 } });
    await world.start();
    await world.untilReady();
    await world.stop();
    await world.start();
    await world.settled();
    expect(await sizes(seen, V1)).toEqual([3]);
  });

  it('at 0, where an autoscaler lets it alone, it is brought back', async () => {
    await scale(V1, 0);
    await untilSize(V1, 2);
    await world.untilReady();
    await scale(V1, 3);
    await seenAt('v1', 3);
  });
});

describe('a canary under autoscaling', () => {
  const v2 = (traffic: number, max = 10) => version('v2', traffic, { serving: { autoscaling: { min: 1, max } } });
  const v1 = (traffic: number) => version('v1', traffic, { serving: { autoscaling: { min: 1, max: 10 } } });

  it('gets the size that its share needs before its weight, and the old one shrinks after it', async () => {
    await world.apply(digitsOf([v1(100)], QUICK));
    await world.untilReady();
    await scale(V1, 8);
    await seenAt('v1', 8);
    await using deployments = await follow(world.namespace, DEPLOYMENTS);
    await using scalers = await follow(world.namespace, AUTOSCALERS);
    await using tables = await follow(world.namespace, CONFIG_MAPS);
    await using pods = await follow(world.namespace, PODS);
    await world.apply(digitsOf([v1(50), v2(50)], QUICK));
    await world.untilReady();
    expect(await world.shares()).toEqual({ v1: 50, v2: 50 });
    await eventually('the bounds are as stated', async () => {
      const [one, two] = [await bounds(V1), await bounds(V2)];
      return one?.minReplicas === 1 && two?.minReplicas === 1;
    });
    const moved = await versionOf(tables, 'digits-traffic', ({ data }) =>
      /"name":"v2","share":5000/.test((data as Record<string, string>)['traffic.json'] ?? ''),
    );
    const min = ({ spec }: StoredObject) => (spec as { minReplicas: number }).minReplicas;
    const free = await versionOf(
      scalers,
      V1,
      (object) => min(object) === 1 && Number(object.metadata.resourceVersion) > moved,
    );
    expect(await scalers.values(V2, min)).toEqual([4, 1]);
    expect(await scalers.values(V1, min)).toEqual([1, 8, 1]);
    const names = new Set(pods.events.map(({ object }) => object.metadata.name).filter((name) => name.startsWith(V2)));
    expect(names.size).toBe(4);
    for (const name of names)
      expect(moved).toBeGreaterThan(await versionOf(pods, name, (pod) => isReady(slimPod(pod))));
    expect(free).toBeGreaterThan(moved);
    expect(await sizes(deployments, V1)).toEqual([8]);
    expect(Math.min(...(await sizes(deployments, V2)).slice(1))).toBe(4);
  });

  it('that stands already is raised by its autoscaler, no further than its most', async () => {
    await scale(V2, 1);
    await seenAt('v2', 1);
    await using deployments = await follow(world.namespace, DEPLOYMENTS);
    await using tables = await follow(world.namespace, CONFIG_MAPS);
    await world.apply(digitsOf([v1(20), v2(80, 3)], QUICK));
    await world.untilReady();
    expect(await world.shares()).toEqual({ v1: 20, v2: 80 });
    const moved = await versionOf(tables, 'digits-traffic', ({ data }) =>
      /"name":"v2","share":8000/.test((data as Record<string, string>)['traffic.json'] ?? ''),
    );
    const raised = await versionOf(deployments, V2, (object) => sizeIn(object) === 3);
    expect(moved).toBeGreaterThan(raised);
    expect(await sizes(deployments, V2)).toEqual([1, 3]);
    expect(await bounds(V2)).toMatchObject({ maxReplicas: 3 });
  });
});
