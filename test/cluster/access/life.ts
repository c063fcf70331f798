/** All that an operator does for ModelDeployments, brought about as their users and others do. */
import type { ModelDeployment } from '../../../api/model-deployment.ts';
import type { Serving } from '../../../api/serving.ts';
import type { Manifest, Resource } from '../../../operator/kube/object.ts';
import * as kinds from '../../../operator/reconcile/resources.ts';
import { HISTORY_LIMIT } from '../../../operator/reconcile/revision.ts';
import { MODEL_LABEL } from '../../../operator/render/labels.ts';
import { versionName } from '../../../operator/render/names.ts';
import { renderOne } from '../../operator/render/cases.ts';
import { eventually } from '../harness/eventually.ts';
import { digitsOf, version } from '../harness/models.ts';
import { one } from '../harness/one-version.ts';
import { conditionOf } from '../harness/operator.ts';
import { WALK } from '../harness/rollouts.ts';
import type { SimulatedTraffic } from '../harness/simulated-traffic.ts';
import type { Hand } from './hand.ts';

const REQUESTS = { resources: { requests: { cpu: '100m' } } };
const CLAIM: Serving = { gpu: { claim: { deviceClass: 'gpu.nvidia.com' } } };

/** Two replicas, more, autoscaled, one: what was made for each is taken away again. */
async function sizes(hand: Hand): Promise<void> {
  const name = versionName('sizes', 'v1');
  await hand.serves(one('sizes', { replicas: 2 }));
  await hand.there(kinds.BUDGETS, name);
  await hand.serves(one('sizes', { replicas: 3 }));
  await hand.serves(one('sizes', { autoscaling: { min: 2, max: 4 }, ...REQUESTS }));
  await hand.there(kinds.AUTOSCALERS, name);
  await hand.serves(one('sizes', { autoscaling: { min: 2, max: 5 }, ...REQUESTS }));
  await hand.there(kinds.AUTOSCALERS, name, ({ spec }) => (spec as { maxReplicas: number }).maxReplicas === 5);
  await hand.serves(one('sizes', { replicas: 1 }));
  await hand.gone(kinds.AUTOSCALERS, name);
  await hand.gone(kinds.BUDGETS, name);
}

/** A canary that its checks take back, one that goes out, and the version that it took the place of is taken away. */
async function walks(hand: Hand, traffic: SimulatedTraffic): Promise<void> {
  const spec = { retireAfter: '1s', rollout: WALK } as const;
  await hand.serves(digitsOf([version('v1', 100)], spec));
  traffic.behaviours.v2 = { differing: 0.4 };
  await hand.apply(digitsOf([version('v1', 0), version('v2', 100)], spec));
  await hand.until('v2 is taken back', 'digits', ({ rollout }) => rollout?.phase === 'RolledBack');
  await hand.apply(digitsOf([version('v1', 0), version('v3', 100)], spec));
  await hand.until('v3 has all', 'digits', ({ rollout }) => rollout?.phase === 'Completed');
  await hand.serves(digitsOf([version('v3', 100)], spec));
  await hand.gone(kinds.DEPLOYMENTS, versionName('digits', 'v1'));
  await hand.gone(kinds.SERVICES, versionName('digits', 'v1'));
}

/** More changes than are kept. */
async function history(hand: Hand): Promise<void> {
  for (let times = 1; times <= HISTORY_LIMIT + 2; times++) {
    await hand.apply(one('edited', { resources: { requests: { cpu: `${times}m` } } }));
    await hand.until('it is accepted', 'edited', (status) => conditionOf(status, 'Accepted')?.status === 'True');
  }
  await eventually('the oldest are gone', async () => {
    return (await hand.ofModel(kinds.REVISIONS, 'edited')).length === HISTORY_LIMIT;
  });
}

/** A device that nobody has, so that its pod waits; then none. */
async function claims(hand: Hand): Promise<void> {
  await hand.apply(one('claims', CLAIM));
  const template = await eventually('there is a template', async () => {
    return (await hand.ofModel(kinds.CLAIM_TEMPLATES, 'claims'))[0]?.metadata.name;
  });
  await hand.edit(kinds.CLAIM_TEMPLATES, template, { metadata: { labels: { 'app.kubernetes.io/name': 'edited' } } });
  await hand.there(kinds.CLAIM_TEMPLATES, template, isNamed('claims'));
  await hand.serves(one('claims', { replicas: 1 }));
  await hand.gone(kinds.CLAIM_TEMPLATES, template);
}

function routedBy(plain: ReturnType<typeof one>, host: string): ReturnType<typeof one> {
  const gateway = { parentRefs: [{ name: 'public' }], hostnames: [host] };
  return { ...plain, spec: { ...plain.spec, routing: { gateway } } };
}

/** Nobody plays the gateway: that routes are written and taken away is all. */
async function routes(hand: Hand): Promise<void> {
  const plain = one('routed');
  const both = [kinds.HTTP_ROUTES, kinds.GRPC_ROUTES];
  await hand.serves(plain);
  for (const host of ['digits.example.com', 'numbers.example.com']) {
    await hand.apply(routedBy(plain, host));
    for (const kind of both) await hand.there(kind, 'routed', ({ spec }) => JSON.stringify(spec).includes(host));
  }
  await hand.serves(plain);
  for (const kind of both) await hand.gone(kind, 'routed');
}

/** Somebody edits, deletes and copies what the operator keeps. */
async function hands(hand: Hand): Promise<void> {
  await hand.serves(one('handled', { replicas: 2 }));
  const table = await hand.there(kinds.CONFIG_MAPS, 'handled-traffic');
  const { labels, ownerReferences } = table.metadata as { labels: object; ownerReferences: object };
  // What an operator of another release may have left: it belongs to the ModelDeployment, and nobody wants it any more.
  const left = { name: 'handled-old', namespace: hand.namespace, labels, ownerReferences };
  await hand.client.create(kinds.CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: left });
  await hand.gone(kinds.CONFIG_MAPS, 'handled-old');
  const edited: [Resource, string][] = [
    [kinds.NETWORK_POLICIES, 'handled'],
    [kinds.POD_MONITORS, 'handled'],
    [kinds.BUDGETS, versionName('handled', 'v1')],
  ];
  for (const [resource, name] of edited) {
    await hand.edit(resource, name, { metadata: { labels: { 'app.kubernetes.io/name': 'edited' } } });
    await hand.there(resource, name, isNamed('handled'));
  }
  const { uid } = (await hand.there(kinds.SERVICES, 'handled')).metadata;
  await hand.delete(kinds.SERVICES, 'handled');
  await hand.there(kinds.SERVICES, 'handled', ({ metadata }) => metadata.uid !== uid);
}

/** Names that somebody else has: only when a write is refused it is asked who. */
async function taken(hand: Hand): Promise<void> {
  for (const { name, resource, theirs, manifest = one(name) } of [...hashedNames(), ...plainNames()]) {
    const metadata = {
      name: theirs.metadata.name,
      namespace: hand.namespace,
      labels: { 'app.kubernetes.io/managed-by': 'somebody' },
    };
    await hand.client.apply(resource, { ...theirs, metadata } as Manifest, { manager: 'somebody', force: true });
    await hand.apply(manifest);
    await hand.until(`the ${resource.kind}'s name is taken`, name, (s) =>
      JSON.stringify(s).includes('is there already'),
    );
    await hand.delete(kinds.MODEL_DEPLOYMENTS, name);
    await hand.delete(resource, theirs.metadata.name);
  }
}

interface Taken {
  /** Of the ModelDeployment. */
  name: string;
  resource: Resource;
  /** What has the name of one of its objects. */
  theirs: Pick<Manifest, 'apiVersion' | 'kind'> & { metadata: { name: string } };
  /** Left out: one version and nothing more. */
  manifest?: ReturnType<typeof one>;
}

function hashedNames(): Taken[] {
  const cases: [name: string, resource: Resource, serving: Serving][] = [
    ['taken-deployment', kinds.DEPLOYMENTS, {}],
    ['taken-autoscaler', kinds.AUTOSCALERS, { autoscaling: { min: 2, max: 4 }, ...REQUESTS }],
    ['taken-budget', kinds.BUDGETS, { replicas: 2 }],
    ['taken-template', kinds.CLAIM_TEMPLATES, CLAIM],
  ];
  return cases.map(([name, resource, serving]) => {
    const manifest = one(name, serving);
    const { objects } = renderOne(manifest as unknown as ModelDeployment);
    const theirs = objects.find(({ kind }) => kind === resource.kind);
    if (!theirs) throw new Error(`${name} has no ${resource.kind}`);
    return { name, resource, theirs: theirs as unknown as Taken['theirs'], manifest };
  });
}

function plainNames(): Taken[] {
  const cases: [name: string, resource: Resource, spec: object, suffix?: string][] = [
    ['taken-service', kinds.SERVICES, { ports: [{ port: 80 }] }],
    ['taken-table', kinds.CONFIG_MAPS, {}, '-traffic'],
    ['taken-policy', kinds.NETWORK_POLICIES, { podSelector: {} }],
    ['taken-monitor', kinds.POD_MONITORS, { selector: {}, podMetricsEndpoints: [] }],
    ['taken-http', kinds.HTTP_ROUTES, {}],
    ['taken-grpc', kinds.GRPC_ROUTES, {}],
  ];
  return cases.map(([name, resource, spec, suffix = '']) => {
    const { apiVersion, kind } = resource;
    const theirs = { apiVersion, kind, metadata: { name: `${name}${suffix}` }, ...(kind !== 'ConfigMap' && { spec }) };
    const routed = resource === kinds.HTTP_ROUTES || resource === kinds.GRPC_ROUTES;
    return { name, resource, theirs, ...(routed && { manifest: routedBy(one(name), 'digits.example.com') }) };
  });
}

/** What happens again is the same Event, with a count. */
async function events(hand: Hand): Promise<void> {
  for (let times = 1; times <= 2; times++) {
    await hand.apply(digitsOf([version('near', 100, { model: { uri: 'models/1.onnx' } })], {}, { name: 'again' }));
    await hand.until('it is refused', 'again', (status) => conditionOf(status, 'Accepted')?.status === 'False');
    await hand.serves(digitsOf([version('far', 100)], {}, { name: 'again' }));
  }
}

const isNamed =
  (name: string) =>
  ({ metadata }: { metadata: { labels?: Record<string, string> | undefined } }): boolean =>
    metadata.labels?.['app.kubernetes.io/name'] === name && metadata.labels[MODEL_LABEL] === name;

export const LIFE: readonly ((hand: Hand, traffic: SimulatedTraffic) => Promise<void>)[] = [
  sizes,
  walks,
  history,
  claims,
  routes,
  hands,
  taken,
  events,
];
