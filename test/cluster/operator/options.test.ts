/** What the installation switches on and off, and what users hand on to their pods. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Serving } from '../../../api/serving.ts';
import { connect } from '../../../operator/kube/connect.ts';
import { type Log, silentLog } from '../../../operator/kube/log.ts';
import { startOperator } from '../../../operator/operator.ts';
import { MODEL_DEPLOYMENTS, NETWORK_POLICIES, POD_MONITORS, SERVICES } from '../../../operator/reconcile/resources.ts';
import { call, mustCall } from '../../control-plane/access.ts';
import { startApiServer } from '../../control-plane/start.ts';
import { eventually, useCluster } from '../harness/cluster.ts';
import { crdReady } from '../harness/crd.ts';
import { digits } from '../harness/manifests.ts';
import { one } from '../harness/one-version.ts';
import { IMAGE, World } from '../harness/operator.ts';
import { POD_MONITOR_CRD } from '../harness/pod-monitor-crd.ts';
import { podsOf } from '../harness/pod-words.ts';

const CRD_FILE = join(import.meta.dirname, '../../../crds/modelship.dev_modeldeployments.yaml');

describe('a NetworkPolicy', () => {
  it('is made where it is switched on, and goes when an operator comes without it', async () => {
    await using world = await World.open({ render: { networkPolicy: {} } });
    await world.apply(digits());
    await world.untilReady();
    const [policy, ...others] = await world.list(NETWORK_POLICIES);
    expect(others).toEqual([]);
    expect(policy).toMatchObject({
      metadata: { name: 'digits', ownerReferences: [{ kind: 'ModelDeployment', name: 'digits', controller: true }] },
      spec: { podSelector: { matchLabels: { 'modelship.dev/model': 'digits' } }, policyTypes: ['Ingress'] },
    });
    await world.stop();
    world.render = {};
    world.requests.length = 0;
    await world.start();
    await eventually('it is gone', async () => (await world.list(NETWORK_POLICIES)).length === 0);
    await world.untilReady();
    await world.settled();
    expect(world.writes).toEqual(['delete networkpolicies']);
  });
});

describe('a PodMonitor', () => {
  it('is left out where the kind is not served', async () => {
    await using world = await World.open({ render: { podMonitor: {} } });
    await world.apply(digits());
    const status = await world.untilReady();
    expect(status).not.toHaveProperty('blockedBy');
    expect(world.requests.filter(({ resource }) => resource === 'podmonitors')).toEqual([]);
  });

  it('is made when the kind comes to be served, and goes when it is switched off', async () => {
    await using server = await startApiServer();
    const access = { ...server, ca: await readFile(server.caPath, 'utf8') };
    await crdReady(access, parse(await readFile(CRD_FILE, 'utf8')));
    const { client, close } = await connect({ kubeconfig: server.kubeconfigPath });
    const start = (render: object) =>
      startOperator({
        client,
        render: { runtimeImage: IMAGE, ...render },
        reports: { read: async () => ({ ok: false, reason: 'no pods are here' }) },
        timing: { discoverMs: 200 },
      });
    const of = (plural: string) => ({ namespace: 'default', name: plural });
    let operator = await start({ podMonitor: { labels: { release: 'prometheus' } } });
    const manifest = { ...one('digits', {}), metadata: of('digits') };
    await client.apply(MODEL_DEPLOYMENTS, manifest as never, { manager: 'user' });
    await eventually('its Service is there', () => client.get(SERVICES, of('digits')));

    await crdReady(access, POD_MONITOR_CRD);
    const monitor = await eventually('its PodMonitor is there', () => client.get(POD_MONITORS, of('digits')));
    expect(monitor.metadata.labels).toMatchObject({ release: 'prometheus', 'modelship.dev/model': 'digits' });
    // Now that it is followed, it is put back.
    await client.delete(POD_MONITORS, of('digits'));
    await eventually('it is there again', () => client.get(POD_MONITORS, of('digits')));

    await operator.stop();
    operator = await start({});
    await eventually('it is gone', async () => (await client.get(POD_MONITORS, of('digits'))) === undefined);
    await operator.stop();
    await close();
  });
});

describe('pass-throughs', () => {
  let world: World;
  let priority: string;
  /** What was applied, and why. */
  const applied: string[] = [];
  const debug = (fields: { object?: string; why?: string }, message: string) => {
    if (message === 'applying') applied.push(`${fields.object}: ${fields.why}`);
  };
  const log: Log = { ...silentLog, debug };
  const classes = '/apis/scheduling.k8s.io/v1/priorityclasses';
  beforeAll(async () => {
    world = await World.open({ log });
    priority = `above-${world.namespace}`;
    await mustCall(useCluster(), 'POST', classes, { metadata: { name: priority }, value: 7 });
    const accounts = `/api/v1/namespaces/${world.namespace}/serviceaccounts`;
    await mustCall(useCluster(), 'POST', accounts, { metadata: { name: 'models' } });
  });
  afterAll(async () => {
    await call(useCluster(), 'DELETE', `${classes}/${priority}`);
    await world[Symbol.asyncDispose]();
  });

  /** Another look at the same spec, by this operator and by the next one. */
  async function expectRest(names: readonly string[]): Promise<void> {
    await world.settled();
    const generations = () =>
      Promise.all(names.map(async (n) => (await world.deployment('v1', n))?.metadata.generation));
    const before = await generations();
    world.requests.length = applied.length = 0;
    const metadata = { annotations: { 'team.example.com/note': 'look again' } };
    for (const name of names) await world.client.patch(MODEL_DEPLOYMENTS, world.key(name), { metadata });
    await world.settled();
    await world.stop();
    await world.start();
    await world.settled();
    expect(applied).toEqual([]);
    expect(world.writes).toEqual([]);
    expect(await generations()).toEqual(before);
  }

  it('reach the pods', async () => {
    const zone = {
      maxSkew: 2,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: { team: 'vision' } },
    };
    const weight = {
      weight: 5,
      preference: { matchExpressions: [{ key: 'kubernetes.io/os', operator: 'In', values: ['linux'] }] },
    };
    const pod: Serving['pod'] = {
      labels: { team: 'vision' },
      annotations: { 'team.example.com/owner': 'vision\nsecond line' },
      env: [
        { name: 'GREETING', value: 'hello $(POD_NAME)' },
        { name: 'EMPTY', value: '' },
        { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'CORES', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
      ],
      volumes: [
        { name: 'big', emptyDir: { medium: 'Memory', sizeLimit: '1.5Gi' } },
        { name: 'settings', configMap: { name: 'settings', optional: true, defaultMode: 288 } },
        { name: 'tokens', projected: { sources: [{ serviceAccountToken: { path: 'token', audience: 's3' } }] } },
      ],
      volumeMounts: [
        { name: 'big', mountPath: '/big' },
        { name: 'tokens', mountPath: '/tokens', readOnly: true },
      ],
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      tolerations: [{ key: 'spot', operator: 'Exists' }],
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [weight] } },
      topologySpreadConstraints: [zone],
      serviceAccountName: 'models',
      imagePullSecrets: [{ name: 'registry' }, { name: 'mirror' }],
      priorityClassName: priority,
    };
    await world.apply(
      one('laden', { pod, resources: { requests: { cpu: '0.25' }, limits: { cpu: '1.5', memory: '1.5Gi' } } }),
    );
    await world.untilReady('laden');
    const [made] = await podsOf(world, 'laden');
    expect(made).toMatchObject({
      metadata: { labels: pod.labels, annotations: pod.annotations },
      spec: {
        serviceAccountName: 'models',
        imagePullSecrets: pod.imagePullSecrets,
        priorityClassName: priority,
        priority: 7,
        nodeSelector: pod.nodeSelector,
        tolerations: expect.arrayContaining([expect.objectContaining({ key: 'spot' })]),
        affinity: pod.affinity,
        topologySpreadConstraints: [zone],
        volumes: expect.arrayContaining([
          { name: 'big', emptyDir: { medium: 'Memory', sizeLimit: '1536Mi' } },
          expect.objectContaining({ name: 'settings' }),
          expect.objectContaining({ name: 'tokens' }),
        ]),
        containers: [
          {
            env: expect.arrayContaining([
              { name: 'GREETING', value: 'hello $(POD_NAME)' },
              expect.objectContaining({ name: 'CORES' }),
            ]),
            volumeMounts: expect.arrayContaining([expect.objectContaining({ name: 'big', mountPath: '/big' })]),
            resources: { requests: { cpu: '250m' }, limits: { cpu: '1500m', memory: '1536Mi' } },
          },
        ],
      },
    });
    await expectRest(['laden']);
  });

  const odd: Record<string, Serving> = {
    'whole numbers as numbers': { resources: { requests: { cpu: 2, memory: 1_073_741_824 } } },
    'fractions of cores': { resources: { requests: { cpu: '1.5', memory: '0.5Gi' }, limits: { cpu: '1500m' } } },
    'thousands, and a size in bytes': {
      resources: { requests: { memory: '1000000k' }, limits: { memory: '2048Mi' } },
    },
    'a volume of half a GiB more': { pod: { volumes: [{ name: 'x', emptyDir: { sizeLimit: '1.5Gi' } }] } },
    'defaults said': {
      pod: {
        volumes: [{ name: 'x', emptyDir: {} }],
        tolerations: [{ operator: 'Exists', key: 'a', value: '' }],
        volumeMounts: [{ name: 'x', mountPath: '/x', readOnly: false }],
        env: [{ name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } }],
      },
    },
    'the same in two env': {
      pod: {
        env: [
          { name: 'A', value: '1' },
          { name: 'NVIDIA_VISIBLE_DEVICES', value: 'all' },
        ],
      },
    },
    'an autoscaler': {
      autoscaling: { min: 1, max: 3, metrics: [{ cpu: 80 }] } as never,
      resources: { requests: { cpu: '0.1' } },
    },
  };
  it('in another form write nothing at rest', async () => {
    const names = Object.entries(odd).map(([, serving], at) => ({ name: `odd-${at}`, serving }));
    for (const { name, serving } of names) await world.apply(one(name, serving));
    for (const { name } of names) await world.untilReady(name);
    await expectRest(names.map(({ name }) => name));
  });
});
