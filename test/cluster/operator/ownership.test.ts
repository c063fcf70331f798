/** Names that others have, neighbours with like names, and the end of a ModelDeployment. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../../api/status.ts';
import type { Resource, StoredObject } from '../../../operator/kube/object.ts';
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  MODEL_DEPLOYMENTS,
  OWNED,
  PODS,
  REVISIONS,
  SERVICES,
} from '../../../operator/reconcile/resources.ts';
import { versionName } from '../../../operator/render/names.ts';
import { mustCall } from '../../control-plane/access.ts';
import { eventually, kubectl, useCluster } from '../harness/cluster.ts';
import { fastClock } from '../harness/fast-clock.ts';
import { digits } from '../harness/manifests.ts';
import { conditionOf, World } from '../harness/operator.ts';
import { follow } from '../harness/seen.ts';

const V1 = versionName('digits', 'v1');

let world: World;

async function create(kind: string, name: string, labels: Record<string, string>, more: object): Promise<StoredObject> {
  const resource = kind === 'Service' ? SERVICES : CONFIG_MAPS;
  const metadata = { name, namespace: world.namespace, labels };
  return world.client.create(resource, { apiVersion: 'v1', kind, metadata, ...more });
}

/** Whether the object is as it was made: nobody wrote to it. */
async function isUntouched(kind: string, { metadata }: StoredObject): Promise<boolean> {
  const there = await world.get(kind === 'Service' ? SERVICES : CONFIG_MAPS, metadata.name);
  return there?.metadata.resourceVersion === metadata.resourceVersion;
}

async function untilGone(model = 'digits'): Promise<void> {
  await eventually(`${model} is gone with all that was its`, async () => {
    const lists = await Promise.all(
      [...OWNED, PODS, REVISIONS].filter(isServed).map((resource) => world.list(resource)),
    );
    const left = lists.flat().filter(({ metadata }) => metadata.labels?.['modelship.dev/model'] === model);
    if (left.length > 0) throw new Error(left.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', '));
    return true;
  });
}

const isServed = ({ kind }: { kind: string }) => !['PodMonitor', 'HTTPRoute', 'GRPCRoute'].includes(kind);

const EVENTS: Resource = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true };

const remove = (name = 'digits') => world.client.delete(MODEL_DEPLOYMENTS, world.key(name));

/** Its namespace is being deleted from the start: that takes a while. */
let doomed: World;

beforeAll(async () => {
  // Asks three times as often whether a name is free by now.
  world = await World.open({ clock: fastClock(3) });
  doomed = await World.open();
  await doomed.apply(digits());
  await doomed.untilReady();
  await doomed.settled();
  doomed.requests.length = 0;
  await mustCall(useCluster(), 'DELETE', `/api/v1/namespaces/${doomed.namespace}`);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await doomed[Symbol.asyncDispose]();
});

/** Longer than what follows a write, and half of the time until it is asked again whether the name is free. */
const QUIET_MS = 800;

describe('a name that somebody else has', () => {
  const FOREIGN: { kind: string; name: string; labels: Record<string, string>; more: object }[] = [
    { kind: 'Service', name: 'digits', labels: {}, more: { spec: { ports: [{ port: 80 }] } } },
    { kind: 'ConfigMap', name: 'digits-traffic', labels: {}, more: { data: { mine: 'yes' } } },
    { kind: 'ConfigMap', name: 'digits-traffic', labels: { 'modelship.dev/model': 'digits' }, more: {} },
    {
      kind: 'Service',
      name: 'digits',
      labels: { 'modelship.dev/model': 'digits' },
      more: { spec: { ports: [{ port: 80 }] } },
    },
  ];

  it.each(FOREIGN)('is not taken: $kind $name $labels', async ({ kind, name, labels, more }) => {
    const isServedAsSaid = ({ url }: Status): boolean => (url !== undefined) === (kind !== 'Service');
    const theirs = await create(kind, name, labels, more);
    await world.apply(digits());
    // Of an object of the test before, which the operator has not seen to go yet, the same may be said at first.
    const status = await world.until(`NameTaken is said of ${kind} ${name}`, (said) => {
      const { reason } = conditionOf(said, 'Ready') ?? {};
      return reason === 'NameTaken' && said.blockedBy?.includes(`${kind} ${name}`) === true && isServedAsSaid(said);
    });
    expect(conditionOf(status, 'Ready')?.message).toContain(`${kind} ${name}`);
    expect(conditionOf(status, 'Stalled')?.status).toBe('True');
    const others = ['ConfigMap digits-traffic', 'Service digits'].filter((other) => other !== `${kind} ${name}`);
    await eventually('all else is made', async () => {
      const objects = await world.objects();
      expect(objects).toEqual(expect.arrayContaining([...others, `Deployment ${V1}`, `Service ${V1}`]));
      return true;
    });
    await world.until('the pods are ready', ({ versions }) => versions?.every((v) => v.readyReplicas === 1) ?? false);
    await world.settled(QUIET_MS);
    expect(await isUntouched(kind, theirs)).toBe(true);
    await world.client.delete(kind === 'Service' ? SERVICES : CONFIG_MAPS, world.key(name));
    await world.untilReady();
    expect(await world.shares()).toEqual({ v1: 90, v2: 10 });
    await remove();
    await untilGone();
  });

  it('is not taken either when it is the hashed one of a version, which is written unasked', async () => {
    const theirs = await create('Service', V1, {}, { spec: { ports: [{ port: 80 }] } });
    await world.apply(digits());
    await world.until(`NameTaken is said of Service ${V1}`, (said) => {
      return conditionOf(said, 'Ready')?.reason === 'NameTaken' && said.blockedBy?.includes(`Service ${V1}`) === true;
    });
    await world.settled(QUIET_MS);
    expect(await isUntouched('Service', theirs)).toBe(true);
    await world.client.delete(SERVICES, world.key(V1));
    await world.untilReady();
    await remove();
    await untilGone();
  });

  it('is its own again after a hand took its label, by which the cache knows it, and a field of it', async () => {
    await world.apply(digits());
    await world.untilReady();
    await world.settled();
    const mine = await world.get(SERVICES, V1);
    const slip = { metadata: { labels: { 'modelship.dev/model': null } }, spec: { publishNotReadyAddresses: true } };
    await world.client.patch(SERVICES, world.key(V1), slip, { manager: 'by-hand' });
    await eventually('it is put back', async () => {
      const there = await world.get(SERVICES, V1);
      expect(there?.metadata.uid).toBe(mine?.metadata.uid);
      expect(there?.metadata.labels).toEqual(mine?.metadata.labels);
      expect(there?.spec).toEqual(mine?.spec);
      return true;
    });
    await remove();
    await untilGone();
  });
});

describe('neighbours', () => {
  const { spec } = digits();
  const named = (...names: string[]) =>
    spec.versions.map((version, at) => ({ ...version, name: names[at] ?? version.name }));

  it('with names that run into each other do not fight', async () => {
    await world.apply(digits({ spec: { versions: named('v1', 'v2-a') } }));
    await world.apply(digits({ name: 'digits-v2', spec: { versions: named('a', 'b') } }));
    await world.untilReady('digits');
    await world.untilReady('digits-v2');
    // Who fights never rests.
    await world.settled(2_000);
    const pods = await world.pods();
    const services = (await world.list(SERVICES)).filter(({ metadata }) => metadata.labels?.['modelship.dev/version']);
    const selected = services.flatMap((service) => {
      const { selector } = service.spec as { selector: Record<string, string> };
      const has = ({ metadata }: StoredObject) =>
        Object.entries(selector).every(([key, value]) => metadata.labels?.[key] === value);
      return pods.filter(has).map(({ metadata }) => metadata.name);
    });
    expect(selected.toSorted()).toEqual(pods.map(({ metadata }) => metadata.name).sort());
    expect(new Set(selected).size).toBe(4);
    await remove('digits-v2');
    await untilGone('digits-v2');
    expect((await world.status())?.versions).toMatchObject([{ readyReplicas: 1 }, { readyReplicas: 1 }]);
    await remove();
    await untilGone();
  });
});

describe('the end of a ModelDeployment', () => {
  it('and a new one of the same name at once: the old is collected, the new comes up', async () => {
    await world.apply(digits());
    await world.untilReady();
    const oldPods = new Set((await world.pods()).map(({ metadata }) => metadata.name));
    // Times are in whole seconds: what was made in the second of the new one could be its own.
    const second = Math.floor(Date.now() / 1_000);
    while (Math.floor(Date.now() / 1_000) === second) await sleep(20);
    // The same names of versions, other models, and no digest: what old pods report must not be pinned.
    world.reports.change = (report, { name }) => {
      const digest = (oldPods.has(name) ? 'a' : 'b').repeat(64);
      return { ...report, load: { ...report.load, digest } };
    };
    const versions = digits().spec.versions.map(({ name, traffic }) => {
      return { name, traffic, model: { uri: `pvc://models/other/${name}.onnx` } };
    });
    await remove();
    await world.apply(digits({ spec: { versions } }));
    await world.untilReady();
    const known = await world.until(
      'the digests are known',
      ({ versions }) => versions?.every((v) => v.digest) ?? false,
    );
    expect(known.versions?.map(({ digest }) => digest)).toEqual(['b'.repeat(64), 'b'.repeat(64)]);
    const { uid } = (await world.get(MODEL_DEPLOYMENTS, 'digits'))?.metadata ?? {};
    await eventually('the old is collected', async () => {
      const lists = await Promise.all([DEPLOYMENTS, SERVICES, CONFIG_MAPS, REVISIONS].map((kind) => world.list(kind)));
      const owners = lists.flat().flatMap(({ metadata }) => metadata.ownerReferences ?? []);
      return owners.every((owner) => owner.uid === uid);
    });
    const { items } = await world.client.list(EVENTS, { namespace: world.namespace });
    const events = items as unknown as { regarding: { uid: string }; type: string; reason: string }[];
    expect(events.filter(({ type, regarding }) => type === 'Warning' && regarding.uid === uid)).toEqual([]);
  });

  it('in the foreground leaves nothing, and nothing is made anew', async () => {
    await world.settled();
    await using seen = await follow(world.namespace, DEPLOYMENTS);
    world.requests.length = 0;
    const { code } = await kubectl(['delete', 'mdep', 'digits', '--cascade=foreground', '--timeout=50s'], {
      namespace: world.namespace,
    });
    expect(code).toBe(0);
    await untilGone();
    await sleep(300);
    expect(seen.events.filter(({ type }) => type === 'ADDED')).toHaveLength(2);
    expect(world.writes).toEqual([]);
  });

  it('with its namespace is quiet', async () => {
    await eventually('all is deleted', async () => {
      const lists = await Promise.all([MODEL_DEPLOYMENTS, DEPLOYMENTS].map((kind) => doomed.list(kind)));
      return lists.flat().length === 0;
    });
    await doomed.settled();
    // That its pods go is told. What is gone is missed by one pass, which writes what is missing side by side: the table and
    // the Services, four at a time. Nothing is tried again.
    const refused = doomed.requests.filter(({ resource, status }) => status === 403 && resource !== 'events');
    expect(refused.length).toBeLessThanOrEqual(2 + digits().spec.versions.length);
    expect(doomed.writes.length - refused.length).toBeLessThanOrEqual(5);
  });
});
