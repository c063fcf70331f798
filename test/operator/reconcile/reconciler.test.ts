/** What a pass does not do. What passes come to is shown against a real API server. */
import { expect, test } from 'vitest';
import type { ReportKeeper } from '../../../operator/evidence/report-keeper.ts';
import type { KubeClient } from '../../../operator/kube/client.ts';
import { KubeError } from '../../../operator/kube/error.ts';
import type { EventRecorder } from '../../../operator/kube/events.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import type { Manifest, Resource, StoredObject } from '../../../operator/kube/object.ts';
import { Caches } from '../../../operator/reconcile/caches.ts';
import { Reconciler } from '../../../operator/reconcile/reconciler.ts';
import { FakeClock } from '../kube/fake-clock.ts';
import { model, spec } from './build.ts';

const KEY = 'models/digits';

test('in a namespace that is being deleted one write is missed, and nothing is tried again', async () => {
  const asked: string[] = [];
  let ending = false;
  let version = 100;
  const write = async (resource: Resource, object: Manifest): Promise<StoredObject> => {
    asked.push(`${resource.kind} ${object.metadata.name}`);
    if (ending) throw new KubeError('NamespaceTerminating', 'models is being terminated');
    const { name } = object.metadata;
    const metadata = { ...object.metadata, uid: `uid-${name}`, resourceVersion: String(version++), generation: 1 };
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
  caches.models.wrote(model(spec([{ name: 'v1' }])));
  await reconciler.reconcile(KEY);
  expect(asked.map((what) => what.split(' ')[0])).toEqual(expect.arrayContaining(['ControllerRevision', 'Deployment']));

  ending = true;
  asked.length = 0;
  for (const informer of [caches.revisions, caches.of('Deployment'), caches.of('Service')]) {
    for (const { metadata } of informer?.list() ?? []) informer?.removed(metadata, metadata.uid);
  }
  expect(await reconciler.reconcile(KEY)).toEqual({ kind: 'terminal', reason: 'the namespace is being deleted' });
  expect(asked).toHaveLength(1);
  expect(await reconciler.reconcile(KEY)).toEqual({ kind: 'done' });
  expect(asked).toHaveLength(1);
});
