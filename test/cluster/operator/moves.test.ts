/** How traffic moves between versions: the target is ready, then it gets weight, then the old one goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../../api/status.ts';
import type { TrafficTable } from '../../../api/traffic-table.ts';
import type { Resource, StoredObject } from '../../../operator/kube/object.ts';
import {
  BUDGETS,
  CONFIG_MAPS,
  DEPLOYMENTS,
  MODEL_DEPLOYMENTS,
  SERVICES,
} from '../../../operator/reconcile/resources.ts';
import { versionName } from '../../../operator/render/names.ts';
import { eventually, kubectl } from '../harness/cluster.ts';
import { fastClock } from '../harness/fast-clock.ts';
import { digitsOf, version } from '../harness/models.ts';
import { conditionOf, World } from '../harness/operator.ts';
import { HELD, place, podsOf, RUNNING, say, untilPods } from '../harness/pod-words.ts';
import { follow, type Seen } from '../harness/seen.ts';

const clock = fastClock(1);
let world: World;
beforeAll(async () => {
  world = await World.open({ clock });
});
afterAll(() => world[Symbol.asyncDispose]());

async function table(of = world): Promise<TrafficTable> {
  const { data } = (await of.get(CONFIG_MAPS, 'digits-traffic')) as unknown as { data: Record<string, string> };
  return JSON.parse(data['traffic.json'] ?? '');
}

const doorOf = ({ spec }: StoredObject) =>
  (spec as { selector: Record<string, string> }).selector['modelship.dev/version'];
const inForce = ({ versions }: Status) =>
  Object.fromEntries((versions ?? []).map(({ name, trafficInForce }) => [name, trafficInForce]));
const ready = (status: Status) => conditionOf(status, 'Ready');

/** Spec and size of the Deployments, that nobody may have written to. */
async function generations(...versions: string[]) {
  return Promise.all(versions.map(async (name) => (await world.deployment(name))?.metadata.generation));
}

/** @returns by whose events it is known when an object went */
async function followAll(...resources: Resource[]) {
  const stack = new AsyncDisposableStack();
  const all: Seen[] = [];
  for (const resource of resources) all.push(stack.use(await follow(world.namespace, resource)));
  return {
    /** In the API server's own count. */
    endsOf: async (name: string): Promise<number[]> => {
      for (const seen of all) await seen.caughtUp();
      const ended = all.flatMap(({ events }) => events.filter(({ type }) => type === 'DELETED'));
      const named = ended.filter(({ object }) => object.metadata.name === name);
      return named.map(({ object }) => Number(object.metadata.resourceVersion));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function objectsOf(name: string): Promise<string[]> {
  return (await world.objects()).filter((object) => object.endsWith(versionName('digits', name)));
}

describe('a move', () => {
  it('at first start: the Service goes to the primary and stays there', async () => {
    await using services = await follow(world.namespace, SERVICES);
    await using tables = await follow(world.namespace, CONFIG_MAPS);
    await world.apply(digitsOf([version('v1', 90), version('v2', 10)], { retireAfter: '1s' }));
    await world.untilReady();
    await world.settled();
    expect(await services.values('digits', doorOf)).toEqual(['v1']);
    expect(
      await tables.values('digits-traffic', ({ data }) =>
        JSON.parse((data as Record<string, string>)['traffic.json'] ?? '').versions.map(
          (v: { share: number }) => v.share,
        ),
      ),
    ).toEqual([[9_000, 1_000]]);
  });

  it('between versions that are ready: the table moves, pods are told, the status follows', async () => {
    const before = await table();
    await world.apply(digitsOf([version('v1', 50), version('v2', 50)], { retireAfter: '1s' }));
    const status = await world.untilReady();
    expect(await world.shares()).toEqual({ v1: 50, v2: 50 });
    expect(inForce(status)).toEqual({ v1: 50, v2: 50 });
    expect(status.traffic).toBe('v1:50 v2:50');
    const { revision, primary } = await table();
    expect({ revision, primary }).toEqual({ revision: before.revision + 1, primary: 'v1' });
    const told = (await world.pods()).map(({ metadata }) => metadata.annotations?.['modelship.dev/table-revision']);
    // A pod that has not followed after two seconds is told again: `2.2`.
    expect(told.map((text) => text?.split('.')[0])).toEqual([String(revision), String(revision)]);
  });

  const held = { replicas: 2, pod: { nodeSelector: HELD } };
  const withThird = (serving: object) =>
    digitsOf([version('v1', 40), version('v2', 40), version('v3', 20, { serving })], { retireAfter: '1s' });

  it('to a version that cannot start waits for it, and says so', async () => {
    await world.apply(withThird(held));
    const pods = await untilPods(world, 'digits', 4);
    const third = pods.filter((name) => name.startsWith(versionName('digits', 'v3')));
    const status = await world.until('the cause is told', (said) => /v3/.test(ready(said)?.message ?? ''));
    expect(status).toMatchObject({ traffic: 'v1:50 v2:50' });
    await world.until('v3 finds no node', (said) => /cannot be scheduled/.test(ready(said)?.message ?? ''));
    expect(await world.shares()).toEqual({ v1: 50, v2: 50 });
    await place(world, third[0] as string, RUNNING);
    const half = await world.until('one is ready', ({ versions }) => versions?.[2]?.readyReplicas === 1);
    await world.until('how many is told', (said) => /v3 has 1 of 2 replicas ready/.test(ready(said)?.message ?? ''));
    expect(inForce(half)).toEqual({ v1: 50, v2: 50, v3: 0 });
    await sleep(500);
    expect(await world.shares()).toEqual({ v1: 50, v2: 50 });
  });

  it('happens when all its replicas are ready', async () => {
    await world.apply(withThird({ replicas: 2 }));
    const status = await world.untilReady();
    expect(await world.shares()).toEqual({ v1: 40, v2: 40, v3: 20 });
    expect(inForce(status)).toEqual({ v1: 40, v2: 40, v3: 20 });
    expect(await objectsOf('v3')).toHaveLength(3);
  });

  it('that is taken back in the middle leaves all as it was', async () => {
    await using tables = await follow(world.namespace, CONFIG_MAPS);
    const before = await generations('v1', 'v2', 'v3');
    const versions = [version('v1', 0), version('v2', 0), version('v3', 0), version('v4', 100, { serving: held })];
    await world.apply(digitsOf(versions, { retireAfter: '1s' }));
    await world.until('v4 is waited for', (said) => /v4/.test(ready(said)?.message ?? ''));
    await eventually('v4 is there', () => world.deployment('v4'));
    await world.apply(withThird({ replicas: 2 }));
    await world.untilReady();
    await eventually('v4 is gone', async () => (await objectsOf('v4')).length === 0);
    await world.settled();
    const texts = await tables.values(
      'digits-traffic',
      ({ data }) => (data as Record<string, string>)['traffic.json'] ?? '',
    );
    const shares = texts.map((text) => JSON.parse(text).versions.map(({ share }: { share: number }) => share));
    expect(shares.every((list: number[]) => list.slice(0, 3).join() === '4000,4000,2000')).toBe(true);
    expect(await generations('v1', 'v2', 'v3')).toEqual(before);
  });
});

describe('a version that is dropped', () => {
  it('serves until the split without it is in force, and goes when its time is over', async () => {
    const before = await generations('v1', 'v2');
    const gone = await objectsOf('v3');
    expect(gone.map((object) => object.split(' ')[0])).toEqual(['Deployment', 'PodDisruptionBudget', 'Service']);
    await using models = await follow(world.namespace, MODEL_DEPLOYMENTS);
    await using objects = await followAll(DEPLOYMENTS, BUDGETS, SERVICES);
    world.reports.mute = true;
    await world.apply(digitsOf([version('v1', 50), version('v2', 50)], { retireAfter: '3s' }));
    await eventually('the table moves', async () => (await table()).versions.every(({ name }) => name !== 'v3'));
    const status = await world.until('it is told', (said) => ready(said)?.reason === 'TrafficMoving');
    expect(status.traffic).toBe('v1:40 v2:40 v3:20');
    await sleep(1_500);
    expect(await objectsOf('v3')).toEqual(gone);
    expect(ready((await world.status()) as Status)?.status).toBe('False');
    // Before the split is in force, so that no stall makes the time seem shorter than it was.
    const since = performance.now();
    world.reports.mute = false;
    await world.until('the split is in force', ({ traffic }) => traffic === 'v1:50 v2:50');
    await eventually('v3 is gone', async () => (await objectsOf('v3')).length === 0);
    expect(performance.now() - since).toBeGreaterThan(2_900);
    await world.settled();
    await models.caughtUp();
    const moved = models.events.find(({ object }) => (object.status as Status | undefined)?.traffic === 'v1:50 v2:50');
    const { versions } = (moved?.object.status ?? {}) as Status;
    expect(versions?.map(({ name, phase }) => `${name} ${phase}`)).toEqual(['v1 Ready', 'v2 Ready', 'v3 Retiring']);
    const ends = await objects.endsOf(versionName('digits', 'v3'));
    expect(ends).toHaveLength(gone.length);
    for (const end of ends) expect(end).toBeGreaterThan(Number(moved?.object.metadata.resourceVersion));
    expect(await generations('v1', 'v2')).toEqual(before);
    expect((await world.status())?.versions).toHaveLength(2);
  });

  it('does not come back with another model before it is gone', async () => {
    // By the clock of the operator, which goes fast when all has been seen.
    const only = { retireAfter: '5m' };
    await world.apply(digitsOf([version('v1', 100)], only));
    await world.until('v2 leaves', ({ traffic }) => traffic === 'v1:100');
    const other = { model: { uri: 'pvc://models/other.onnx' } };
    await world.apply(digitsOf([version('v1', 30), version('v2', 70, other)], only));
    const refused = await world.until('it is refused', (s) => conditionOf(s, 'Accepted')?.reason === 'VersionReused');
    expect(refused.traffic).toBe('v1:100');
    expect(ready(refused)).toMatchObject({ status: 'False', reason: 'VersionReused' });
    for (const name of ['v1', 'v2']) {
      const args = ['set', 'image', `deployment/${versionName('digits', name)}`, 'runtime=somebody/else:1'];
      await kubectl(args, { namespace: world.namespace });
    }
    await eventually('the images are put back', async () => {
      const templates = await Promise.all(['v1', 'v2'].map((name) => world.deployment(name)));
      return templates.every((deployment) => deployment && !JSON.stringify(deployment.spec).includes('somebody'));
    });
    expect((await world.deployment('v2'))?.metadata.annotations).toHaveProperty(
      ['modelship.dev/model-uri'],
      version('v2', 0).model.uri,
    );
    expect(await world.shares()).toEqual({ v1: 100 });
    clock.runs(60);
    await world.untilReady();
    clock.runs(1);
    expect(await world.shares()).toEqual({ v1: 30, v2: 70 });
    expect((await world.deployment('v2'))?.metadata.annotations).toHaveProperty(
      ['modelship.dev/model-uri'],
      other.model.uri,
    );
  });
});

describe('the door', () => {
  const door = async () => doorOf((await world.get(SERVICES, 'digits')) as StoredObject);
  const unready = (status: string) => ['Ready', 'ContainersReady'].map((type) => ({ type, status }));

  it('moves to a version that is ready while the primary has none, and back', async () => {
    await eventually('the Service leads to v2', async () => (await door()) === 'v2');
    const [pod] = (await podsOf(world, 'digits', 'v2')).map(({ metadata }) => metadata.name);
    await say(world, pod as string, { conditions: unready('False') });
    await eventually('the Service leads to v1', async () => (await door()) === 'v1');
    expect(await world.shares()).toEqual({ v1: 30, v2: 70 });
    const status = await world.until('it is told', (said) => ready(said)?.status === 'False');
    expect(conditionOf(status, 'Available')?.status).toBe('True');
    await say(world, pod as string, { conditions: unready('True') });
    await eventually('the Service leads to v2', async () => (await door()) === 'v2');
    await world.untilReady();
  });
});

describe('pods whose reports cannot be had', () => {
  it('hold a move back without end, but are not written to without end', async () => {
    await using quick = await World.open({ clock: fastClock(60) });
    await quick.apply(digitsOf([version('v1', 90), version('v2', 10)], { retireAfter: '1s' }));
    await quick.untilReady();
    quick.reports.mute = true;
    quick.requests.length = 0;
    await quick.apply(digitsOf([version('v1', 100)], { retireAfter: '1s' }));
    await quick.until('it is told', (said) => ready(said)?.reason === 'TrafficMoving');
    // Each pod is told at once, and after 2, 6, 14, 30 and 62 s.
    await eventually('the last touch', async () => quick.writes.filter((w) => w === 'patch pods').length === 12);
    await sleep(1_500);
    expect(quick.writes.filter((write) => write === 'patch pods')).toHaveLength(12);
    expect(await quick.deployment('v2')).toBeDefined();
    expect(ready((await quick.status()) as Status)).toMatchObject({ status: 'False', reason: 'TrafficMoving' });
  });
});
