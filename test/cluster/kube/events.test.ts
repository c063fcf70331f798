/** Events as a real API server takes them and kubectl shows them. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KubeClient } from '../../../operator/kube/client.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { connect } from '../../../operator/kube/connect.ts';
import { EVENTS } from '../../../operator/kube/event-series.ts';
import { EventRecorder, type EventResult, type EventSubject, type EventText } from '../../../operator/kube/events.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import type { Manifest, Resource, StoredObject } from '../../../operator/kube/object.ts';
import { eventually, kubectl, namespace, useCluster } from '../harness/cluster.ts';

const MODELS: Resource = {
  apiVersion: 'modelship.dev/v1alpha1',
  kind: 'ModelDeployment',
  plural: 'modeldeployments',
  namespaced: true,
};
const FAILED: EventText = { type: 'Warning', reason: 'RolledBack', message: 'v2 answered 7 % of requests with errors' };

let client: KubeClient;
let place: string;
let subject: EventSubject;
let results: EventResult[];

beforeAll(async () => {
  const connected = await connect({ kubeconfig: useCluster().kubeconfigPath });
  ({ client } = connected);
  return async () => {
    await connected.close();
  };
});

beforeEach(async () => {
  place = await namespace();
  results = [];
  const { apiVersion, kind } = MODELS;
  const spec = { versions: [{ name: 'v1', model: { uri: 'pvc://models/digits/1/model.onnx' }, traffic: 100 }] };
  const manifest: Manifest = { apiVersion, kind, metadata: { name: 'digits', namespace: place }, spec };
  const { metadata } = await client.create(MODELS, manifest);
  subject = { apiVersion, kind, name: 'digits', namespace: place, uid: metadata.uid };
});

/** Records, and waits until all is sent. */
async function record(...events: EventText[]): Promise<void> {
  const recorder = newRecorder();
  for (const event of events) recorder.record(subject, event);
  await recorder.close();
}

function newRecorder(): EventRecorder {
  const reporter = { component: 'modelship.dev/operator', instance: 'host-1', clock: systemClock, log: silentLog };
  return new EventRecorder({ ...reporter, client, onResult: (result) => results.push(result) });
}

async function stored(): Promise<StoredObject[]> {
  return (await client.list(EVENTS, { namespace: place })).items;
}

async function sent(count: number): Promise<void> {
  await eventually(`${count} are sent`, async () => results.filter((result) => result === 'sent').length === count);
}

describe('an event', () => {
  it('stands in kubectl describe, with how often it happened', async () => {
    await record(FAILED, FAILED, FAILED);
    const { out, err } = await kubectl(['describe', 'modeldeployment', 'digits'], { namespace: place });
    expect(err).toBe('');
    const shown = out.slice(out.indexOf('Events:'));
    expect(shown).toMatch(/Warning +RolledBack +\S+ \(x3 over \S+\) +modelship.dev\/operator.* v2 answered 7 %/);
  });

  it('stands in kubectl get events, with how often it happened', async () => {
    await record(FAILED, FAILED, FAILED);
    const { out } = await kubectl(['get', 'events', '-o', 'wide'], { namespace: place });
    expect(out).toMatch(
      /Warning +RolledBack +modeldeployment\/digits .*modelship.dev\/operator.*v2 answered 7 %.* 3 +digits\./,
    );
  });

  it('is counted in the Event that is there when it happens again', async () => {
    const recorder = newRecorder();
    recorder.record(subject, FAILED);
    await sent(1);
    const [before] = await stored();
    recorder.record(subject, FAILED);
    await recorder.close();
    const [after, ...more] = await stored();
    expect(more).toEqual([]);
    expect(after).toMatchObject({
      metadata: { name: before?.metadata.name },
      reportingController: 'modelship.dev/operator',
      reportingInstance: 'host-1',
      regarding: subject,
      series: { count: 2, lastObservedTime: expect.stringMatching(/\.\d{6}Z$/) },
    });
  });

  it('is made anew when the API server has forgotten it', async () => {
    const recorder = newRecorder();
    recorder.record(subject, FAILED);
    await sent(1);
    const [first] = await stored();
    await client.delete(EVENTS, { namespace: place, name: first?.metadata.name ?? '' });
    recorder.record(subject, FAILED);
    await recorder.close();
    expect(await stored()).toMatchObject([{ series: { count: 2 } }]);
  });

  it('is taken with everything as long as it may be', async () => {
    const long = {
      type: 'Normal',
      reason: 'R'.repeat(300),
      message: '日'.repeat(2_000),
      action: 'A'.repeat(300),
    } as const;
    await record(long);
    expect(results).toEqual(['sent']);
  });

  it('of a namespace that is not there is dropped', async () => {
    subject = { ...subject, namespace: 'nowhere' };
    await record(FAILED);
    expect(results).toEqual(['dropped']);
  });
});
