/**
 * In which order and how many at a time objects are written; and that one which the cache does not have is made only where
 * there is none, whoever takes its name at whatever moment.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { KubeError } from '../../../operator/kube/error.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { type Changes, wantedObjects } from '../../../operator/reconcile/changes.ts';
import { execute } from '../../../operator/reconcile/execute.ts';
import { newMemory } from '../../../operator/reconcile/key-memory.ts';
import { OWNED } from '../../../operator/reconcile/resources.ts';
import type { Hand } from '../../../operator/reconcile/write.ts';
import { labels } from '../../../operator/render/labels.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';
import { STAGES } from '../../../operator/render/render.ts';
import { model, OWNER, spec, stored, UID } from './build.ts';

type Body = StoredObject & { metadata: { resourceVersion?: string } };

/** An API server that holds one object at most and knows preconditions; it remembers what it was asked. */
class Server {
  there: StoredObject | undefined;
  /** What it answers to the next write. */
  fail: KubeError | undefined;
  readonly asked: string[] = [];

  hand(): Hand {
    const client = {
      get: async () => {
        this.asked.push('get');
        return this.there;
      },
      apply: async (_: unknown, body: Body) => {
        const { uid, resourceVersion } = body.metadata;
        this.asked.push(uid === undefined ? `make ${resourceVersion}` : `apply to ${uid}`);
        const { fail } = this;
        this.fail = undefined;
        if (fail) throw fail;
        const taken =
          this.there && resourceVersion !== undefined && resourceVersion !== this.there.metadata.resourceVersion;
        if (taken || (uid !== undefined && uid !== this.there?.metadata.uid))
          throw new KubeError('Conflict', 'modified');
        this.there = {
          ...body,
          metadata: { ...body.metadata, uid: uid ?? 'uid-new', resourceVersion: '101' },
        } as StoredObject;
        return this.there;
      },
    };
    const caches = { of: () => ({ wrote: () => {} }) };
    return { client, caches, log: silentLog } as unknown as Hand;
  }
}

const md = model(spec([{ name: 'v1' }]));
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'digits', namespace: 'models', labels: labels('digits'), ownerReferences: [OWNER] },
  spec: { type: 'ClusterIP' },
} as unknown as KubeObject;
const changes: Changes = {
  applies: wantedObjects([service]).map((one) => ({ ...one, stored: undefined, why: 'missing' })),
  scales: [],
  prunes: [],
  taken: [],
};

let server: Server;
let memory: ReturnType<typeof newMemory>;
const run = () => execute(changes, md, memory, server.hand(), true);

beforeEach(() => {
  server = new Server();
  memory = newMemory(UID, 0);
});

test('where there is none it is made by one request, and none is read', async () => {
  expect(await run()).toMatchObject({ wrote: true, problems: [], errors: [] });
  expect(server.asked).toEqual(['make 1']);
  expect(server.there?.spec).toEqual({ type: 'ClusterIP' });
});

test("somebody else's is not written to, and asked for before the next try", async () => {
  const theirs = stored('Service', 'digits');
  theirs.metadata.ownerReferences = [];
  server.there = theirs;
  const taken = [{ object: 'Service digits', reason: 'NameTaken', transient: false }];
  expect(await run()).toMatchObject({ problems: taken, errors: [], wrote: true });
  expect(await run()).toMatchObject({ problems: taken, errors: [] });
  expect(server.asked).toEqual(['make 1', 'get', 'get']);
  expect(server.there).toBe(theirs);
});

test('once the name is free it is made', async () => {
  memory.foreign.add('Service models/digits');
  expect(await run()).toMatchObject({ wrote: true, problems: [] });
  expect(server.asked).toEqual(['get', 'make 1']);
  expect(memory.foreign.size).toBe(0);
});

test('our own, which the cache does not know yet, is applied to', async () => {
  server.there = stored('Service', 'digits');
  expect(await run()).toMatchObject({ wrote: true, problems: [], errors: [] });
  expect(server.asked).toEqual(['make 1', 'get', 'apply to uid-Service-digits']);
});

test('what is gone again when it is looked for is tried again later', async () => {
  server.fail = new KubeError('Conflict', 'modified');
  const { errors, problems } = await run();
  expect([errors, problems]).toMatchObject([[{ code: 'Conflict' }], [{ transient: true }]]);
  expect(server.asked).toEqual(['make 1', 'get']);
});

/** Holds every write back until it is let go. */
class Slow {
  /** By `KIND NAME`, in the order in which they came. */
  readonly begun: string[] = [];
  readonly #held = new Map<string, (error?: KubeError) => void>();

  hand(): Hand {
    const client = {
      apply: (_: unknown, body: Body) =>
        new Promise((resolve, reject) => {
          const id = `${body.kind} ${body.metadata.name}`;
          this.begun.push(id);
          this.#held.set(id, (error) => (error ? reject(error) : resolve(body)));
        }),
    };
    const caches = { of: () => ({ wrote: () => {} }), find: () => undefined };
    return { client, caches, log: silentLog } as unknown as Hand;
  }

  async letGo(id: string, error?: KubeError): Promise<void> {
    this.#held.get(id)?.(error);
    await new Promise(setImmediate);
  }
}

const object = (kind: string, name: string, content: object = {}) =>
  ({ ...service, kind, metadata: { ...service.metadata, name }, spec: content }) as unknown as KubeObject;
const missing = (...objects: KubeObject[]): Changes => ({
  ...changes,
  applies: wantedObjects(objects).map((one) => ({ ...one, stored: undefined, why: 'missing' })),
});
const VERSION_SERVICE = object('Service', 'digits-v1', { clusterIP: 'None' });
const whole = missing(
  object('ConfigMap', 'digits-traffic'),
  object('NetworkPolicy', 'digits'),
  VERSION_SERVICE,
  object('Deployment', 'digits-v1'),
  object('HorizontalPodAutoscaler', 'digits-v1'),
  object('PodDisruptionBudget', 'digits-v1'),
);
const first = ['ConfigMap digits-traffic', 'NetworkPolicy digits', 'Service digits-v1'];

test('every kind that is written has its stage', () => {
  expect(STAGES.flat().sort()).toEqual(OWNED.map(({ kind }) => kind).sort());
});

test('what a pod must find is written side by side, before its Deployment; what steers it comes after', async () => {
  const slow = new Slow();
  const running = execute(whole, md, memory, slow.hand(), true);
  await new Promise(setImmediate);
  expect(slow.begun.splice(0).sort()).toEqual(first);
  for (const id of first.slice(1)) await slow.letGo(id);
  expect(slow.begun).toEqual([]);
  await slow.letGo('ConfigMap digits-traffic');
  expect(slow.begun.splice(0)).toEqual(['Deployment digits-v1']);
  await slow.letGo('Deployment digits-v1');
  const last = ['HorizontalPodAutoscaler digits-v1', 'PodDisruptionBudget digits-v1'];
  expect(slow.begun).toEqual(last);
  for (const id of last) await slow.letGo(id);
  expect(await running).toMatchObject({ wrote: true, problems: [], errors: [] });
});

test('failures are told in the order of the objects, whichever comes first, and keep nothing else from being written', async () => {
  const slow = new Slow();
  const running = execute(whole, md, memory, slow.hand(), true);
  await new Promise(setImmediate);
  await slow.letGo('Service digits-v1', new KubeError('Forbidden', 'no Services'));
  await slow.letGo('ConfigMap digits-traffic', new KubeError('Forbidden', 'no ConfigMaps'));
  for (const id of first) await slow.letGo(id);
  await slow.letGo('Deployment digits-v1', new KubeError('Forbidden', 'no Deployments'));
  // Its Deployment was not written, so there is nothing of ours for it to steer.
  expect(slow.begun.slice(first.length)).toEqual(['Deployment digits-v1', 'PodDisruptionBudget digits-v1']);
  await slow.letGo('PodDisruptionBudget digits-v1');
  const { errors, problems, wrote } = await running;
  expect(errors.map(({ message }) => message)).toEqual(['no ConfigMaps', 'no Services', 'no Deployments']);
  expect(problems.map(({ message }) => message)).toEqual(errors.map(({ message }) => message));
  expect(wrote).toBe(true);
});

test('nothing more is begun once the namespace is said to go', async () => {
  const slow = new Slow();
  const running = execute(whole, md, memory, slow.hand(), true);
  await new Promise(setImmediate);
  await slow.letGo('NetworkPolicy digits', new KubeError('NamespaceTerminating', 'it goes'));
  for (const id of first) await slow.letGo(id);
  expect((await running).errors).toMatchObject([{ code: 'NamespaceTerminating' }]);
  expect(slow.begun.sort()).toEqual(first);
});

test('nor of many, of which some wait for their turn', async () => {
  const slow = new Slow();
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const running = execute(missing(...names.map((name) => object('Deployment', name))), md, memory, slow.hand(), true);
  await new Promise(setImmediate);
  await slow.letGo('Deployment b', new KubeError('NamespaceTerminating', 'it goes'));
  for (const name of ['a', 'c', 'd']) await slow.letGo(`Deployment ${name}`);
  expect((await running).errors).toMatchObject([{ message: 'it goes' }]);
  expect(slow.begun).toHaveLength(4);
});

describe('where the public Service gets its address', () => {
  const withAddress = missing(object('Service', 'digits'), ...whole.applies.map((one) => one.object));
  const beside = [...first, 'Service digits'].sort();

  test('the pass is halfway: what comes after is for the next one', async () => {
    const slow = new Slow();
    const running = execute(withAddress, md, memory, slow.hand(), true);
    await new Promise(setImmediate);
    for (const id of beside) await slow.letGo(id);
    expect(await running).toEqual({ halfway: true, wrote: true, problems: [], errors: [] });
    expect(slow.begun.sort()).toEqual(beside);
  });

  test('and something else could not be written, the rest is, and nobody waits', async () => {
    const slow = new Slow();
    const running = execute(withAddress, md, memory, slow.hand(), true);
    await new Promise(setImmediate);
    await slow.letGo('ConfigMap digits-traffic', new KubeError('Forbidden', 'no ConfigMaps'));
    for (const id of beside) await slow.letGo(id);
    for (const id of ['Deployment', 'HorizontalPodAutoscaler', 'PodDisruptionBudget'])
      await slow.letGo(`${id} digits-v1`);
    expect(await running).toMatchObject({ halfway: false, errors: [{ message: 'no ConfigMaps' }] });
    expect(slow.begun).toContain('Deployment digits-v1');
  });

  test('it goes on all the same where it may not stop', async () => {
    const slow = new Slow();
    const running = execute(withAddress, md, memory, slow.hand(), false);
    await new Promise(setImmediate);
    for (const id of beside) await slow.letGo(id);
    expect(slow.begun.at(-1)).toBe('Deployment digits-v1');
    for (const id of ['Deployment', 'HorizontalPodAutoscaler', 'PodDisruptionBudget'])
      await slow.letGo(`${id} digits-v1`);
    expect(await running).toMatchObject({ halfway: false, wrote: true });
  });

  test('one that has its address is no reason to wait', async () => {
    const slow = new Slow();
    const changed = missing(object('Service', 'digits'), object('Deployment', 'digits-v1'));
    for (const one of changed.applies) one.stored = stored(one.object.kind, one.object.metadata.name);
    const running = execute(changed, md, memory, slow.hand(), true);
    await new Promise(setImmediate);
    await slow.letGo('Service digits');
    await slow.letGo('Deployment digits-v1');
    expect(await running).toMatchObject({ halfway: false, wrote: true });
  });
});

test('of many four are under way at a time, and told in their order', async () => {
  const slow = new Slow();
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const many = missing(...names.map((name) => object('Deployment', name)));
  const running = execute(many, md, memory, slow.hand(), true);
  await new Promise(setImmediate);
  expect(slow.begun).toEqual(names.slice(0, 4).map((name) => `Deployment ${name}`));
  await slow.letGo('Deployment d', new KubeError('Forbidden', 'not d'));
  expect(slow.begun.at(-1)).toBe('Deployment e');
  await slow.letGo('Deployment b', new KubeError('Forbidden', 'not b'));
  for (const name of names) await slow.letGo(`Deployment ${name}`);
  expect((await running).errors.map(({ message }) => message)).toEqual(['not b', 'not d']);
});
