/** What a pass does not do. What passes come to is shown against a real API server. */
import { expect, test } from 'vitest';
import type { ReportKeeper } from '../../../operator/evidence/report-keeper.ts';
import type { KubeClient } from '../../../operator/kube/client.ts';
import { KubeError } from '../../../operator/kube/error.ts';
import type { EventRecorder } from '../../../operator/kube/events.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import type { Manifest, Resource, StoredObject } from '../../../operator/kube/object.ts';
import { Caches } from '../../../operator/reconcile/caches.ts';
import { doorOf } from '../../../operator/reconcile/decide.ts';
import { Reconciler } from '../../../operator/reconcile/reconciler.ts';
import { versionName } from '../../../operator/render/names.ts';
import { FakeClock } from '../kube/fake-clock.ts';
import { model, OWNER, pod, spec } from './build.ts';

const KEY = 'models/digits';

/** Over an API server that takes everything, until it is `ending`. */
function setup(versions: { name: string; traffic?: number }[] = [{ name: 'v1' }]) {
  const md = model(spec(versions));
  const server = { asked: [] as string[], ending: false };
  let version = 100;
  const write = async (resource: Resource, object: Manifest): Promise<StoredObject> => {
    server.asked.push(`${resource.kind} ${object.metadata.name}`);
    if (server.ending) throw new KubeError('NamespaceTerminating', 'models is being terminated');
    const resourceVersion = String(version++);
    if (resource.kind === md.kind) return { ...md, ...object, metadata: { ...md.metadata, resourceVersion } };
    const { name } = object.metadata;
    const metadata = { ...object.metadata, uid: `uid-${name}`, resourceVersion, generation: 1 };
    return { ...object, metadata } as StoredObject;
  };
  const clock = new FakeClock();
  const client = { apply: write, applyStatus: write } as unknown as KubeClient;
  const caches = new Caches({ client, clock, random: () => 0.5, log: silentLog, onChange: () => {} });
  const reports = { want: () => ({ known: new Map(), lookAgain: undefined }), forget: () => {} };
  const reconciler = new Reconciler({
    client,
    caches,
    clock,
    log: silentLog,
    reports: reports as unknown as ReportKeeper,
    events: { record: () => {} } as unknown as EventRecorder,
    renderOptions: () => ({ runtimeImage: 'registry.example.com/modelship-runtime:1.2.3', servedApis: new Set() }),
  });
  caches.models.wrote(md);
  return { server, clock, caches, reconciler };
}

const kinds = (asked: readonly string[]) => asked.map((what) => what.split(' ')[0]);

test('a pass that made the public Service lets those go first that have none, before it goes on', async () => {
  const { server, reconciler } = setup();
  expect(await reconciler.reconcile(KEY)).toEqual({ kind: 'after', ms: 0, patienceMs: 2_000 });
  expect(kinds(server.asked.splice(0))).toEqual(['ControllerRevision', 'ConfigMap', 'Service', 'Service']);
  const { kind } = await reconciler.reconcile(KEY);
  expect([kind, kinds(server.asked)]).toEqual(['after', ['Deployment', 'Deployment']]);
});

test('whenever pods come, a first start waits for the primary once another version is ready', async () => {
  const { clock, caches, reconciler } = setup([
    { name: 'v1', traffic: 90 },
    { name: 'v2', traffic: 10 },
  ]);
  const door = async () => {
    const outcome = await reconciler.reconcile(KEY);
    const services = caches.of('Service')?.list() ?? [];
    const service = services.find(({ metadata }) => metadata.name === 'digits');
    return { outcome, version: service && doorOf(service) };
  };
  await door();
  await clock.advance(60_000);
  expect(await door()).toMatchObject({ version: 'v1' });
  const canary = pod('v2', 'canary', true);
  const replicaSet = { ...OWNER, kind: 'ReplicaSet', name: `${versionName('digits', 'v2')}-1` };
  caches.pods.wrote({ ...canary, metadata: { ...canary.metadata, ownerReferences: [replicaSet] } });
  expect(await door()).toMatchObject({ version: 'v1' });
  await clock.advance(4_500);
  expect(await door()).toMatchObject({ outcome: { kind: 'after', ms: 500 }, version: 'v1' });
  await clock.advance(500);
  expect(await door()).toMatchObject({ version: 'v2' });
});

test('one whose Service the cache does not find goes on, and starts no third time', async () => {
  const { server, caches, reconciler } = setup();
  const services = caches.of('Service');
  await reconciler.reconcile(KEY);
  for (const { metadata } of services?.list() ?? []) services?.removed(metadata, metadata.uid);
  server.asked.length = 0;
  await reconciler.reconcile(KEY);
  expect(kinds(server.asked)).toEqual(['Service', 'Service', 'Deployment', 'Deployment']);
});

test('in a namespace that is being deleted one write is missed, and nothing is tried again', async () => {
  const { server, caches, reconciler } = setup();
  await reconciler.reconcile(KEY);
  await reconciler.reconcile(KEY);
  expect(kinds(server.asked)).toEqual(expect.arrayContaining(['ControllerRevision', 'Deployment']));

  server.ending = true;
  server.asked.length = 0;
  for (const informer of [caches.revisions, caches.of('Deployment'), caches.of('Service')]) {
    for (const { metadata } of informer?.list() ?? []) informer?.removed(metadata, metadata.uid);
  }
  expect(await reconciler.reconcile(KEY)).toEqual({ kind: 'terminal', reason: 'the namespace is being deleted' });
  expect(server.asked).toHaveLength(1);
  expect(await reconciler.reconcile(KEY)).toEqual({ kind: 'done' });
  expect(server.asked).toHaveLength(1);
});
