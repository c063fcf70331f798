/** Objects as a cluster would hold them, and a client that knows nothing but them. */
import type { ModelDeployment } from '../../../api/model-deployment.ts';
import type { ModelDeploymentObject } from '../../../cli/cluster/objects.ts';
import type { KubeClient, ListOptions } from '../../../operator/kube/client.ts';
import type { KubeError } from '../../../operator/kube/error.ts';
import type { Resource, StoredObject } from '../../../operator/kube/object.ts';
import type { Pod } from '../../../operator/reconcile/pod.ts';
import { firstPlan } from '../../../operator/render/first-plan.ts';
import { labels } from '../../../operator/render/labels.ts';
import { versionName } from '../../../operator/render/names.ts';
import { render } from '../../../operator/render/render.ts';

export const NAMESPACE = 'models';
export const CREATED = '2026-11-21T05:00:00Z';
/** Five minutes later. */
export const NOW = Date.parse(CREATED) + 300_000;

export const uidOf = (kind: string, name: string): string => `uid-${kind}-${name}`;

type Metadata = Partial<StoredObject['metadata']>;

export function stored(kind: string, name: string, metadata: Metadata = {}, rest: object = {}): StoredObject {
  const own = { name, namespace: NAMESPACE, uid: uidOf(kind, name), resourceVersion: '1', creationTimestamp: CREATED };
  return { apiVersion: 'v1', kind, metadata: { ...own, ...metadata }, ...rest };
}

const SPEC: ModelDeployment['spec'] = {
  versions: [
    { name: 'v1', model: { uri: 's3://models/digits/1/model.onnx' }, traffic: 90 },
    { name: 'v2', model: { uri: 's3://models/digits/2/model.onnx' }, traffic: 10 },
  ],
  serving: { replicas: 2 },
};

export function md(fields: { spec?: object; status?: object; name?: string; metadata?: Metadata } = {}) {
  const { name = 'digits', spec = SPEC, status, metadata } = fields;
  const object = stored(
    'ModelDeployment',
    name,
    { generation: 1, ...metadata },
    { spec, ...(status ? { status } : {}) },
  );
  return { ...object, apiVersion: 'modelship.dev/v1alpha1' } as ModelDeploymentObject;
}

export const condition = (type: string, status: string, message = '', reason = 'Because') => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: CREATED,
});

export const HEALTHY = {
  observedGeneration: 1,
  conditions: [
    condition('Accepted', 'True'),
    condition('Available', 'True'),
    condition('Ready', 'True', 'all is as asked for'),
  ],
  traffic: 'v1:90 v2:10',
  versions: [
    {
      name: 'v1',
      phase: 'Ready',
      replicas: 2,
      readyReplicas: 2,
      traffic: 90,
      trafficInForce: 90,
      digest: 'ab'.repeat(32),
    },
    { name: 'v2', phase: 'Ready', replicas: 2, readyReplicas: 2, traffic: 10, trafficInForce: 10 },
  ],
  url: 'http://digits.models.svc:8080',
};

const owner = (kind: string, name: string) => [
  { apiVersion: 'v1', kind, name, uid: uidOf(kind, name), controller: true },
];

/** What the operator makes of it, and the controllers of that: two ready pods a version, and their lists of endpoints. */
export function world(of: ModelDeploymentObject): StoredObject[] {
  const withUid = { ...of, metadata: { ...of.metadata } } as unknown as ModelDeployment;
  const rendered = render(withUid, firstPlan(withUid), { runtimeImage: 'runtime:1' });
  if (!rendered.ok) throw new Error(rendered.problems.map(({ message }) => message).join());
  const own = rendered.objects.map((object): StoredObject => {
    const { kind, metadata } = object;
    return {
      ...object,
      ...stored(kind, metadata.name, metadata as Metadata),
      apiVersion: object.apiVersion,
    } as StoredObject;
  });
  for (const deployment of own.filter(({ kind }) => kind === 'Deployment')) {
    const counts = { replicas: 2, updatedReplicas: 2, readyReplicas: 2 };
    Object.assign(deployment.spec as object, { replicas: 2 });
    Object.assign(deployment, { status: { observedGeneration: 1, ...counts } });
    deployment.metadata.generation = 1;
  }
  const versions = of.spec.versions.map(({ name }) => name);
  const sets = versions.map((version) => replicaSet(of.metadata.name, version));
  const pods = versions.flatMap((version) => ['a', 'b'].map((suffix) => pod(version, suffix)));
  const slices = own.filter(({ kind }) => kind === 'Service').map(({ metadata }) => slice(metadata.name));
  return [of, ...own, ...sets, ...pods, ...slices];
}

const setName = (model: string, version: string) => `${versionName(model, version)}-5d9c`;

function replicaSet(model: string, version: string): StoredObject {
  const ownerReferences = owner('Deployment', versionName(model, version));
  return stored('ReplicaSet', setName(model, version), { labels: labels(model, version), ownerReferences });
}

function slice(service: string): StoredObject {
  const metadata = { labels: labels('digits'), ownerReferences: owner('Service', service) };
  const endpoints = [
    { conditions: { ready: true } },
    { conditions: { ready: true } },
    { conditions: { ready: false } },
  ];
  return stored('EndpointSlice', `${service}-x1`, metadata, { endpoints });
}

/** Ready, unless a status says otherwise. */
export function pod(version: string, suffix: string, status?: Pod['status'], model = 'digits'): Pod {
  const set = setName(model, version);
  const metadata = { labels: labels(model, version), ownerReferences: owner('ReplicaSet', set) };
  const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  const node = status?.phase === 'Pending' && !status.containerStatuses ? {} : { nodeName: 'node-1' };
  return stored('Pod', `${set}-${suffix}`, metadata, { spec: node, status: status ?? ready }) as Pod;
}

/** The part of a client that reads. Pages of two, so that there are pages. */
export function reader(objects: readonly StoredObject[], fail: Partial<Record<string, KubeError>> = {}): KubeClient {
  const refuse = ({ plural }: Resource) => {
    const error = fail[plural];
    if (error) throw error;
  };
  const client: Partial<KubeClient> = {
    async get(resource, { name, namespace }) {
      refuse(resource);
      return objects.find(
        ({ kind, metadata }) => kind === resource.kind && metadata.name === name && metadata.namespace === namespace,
      );
    },
    async list(resource, options) {
      refuse(resource);
      const all = objects.filter((object) => object.kind === resource.kind && selected(object, options));
      const from = Number(options.continue ?? 0);
      const next = from + 2 < all.length ? { continue: String(from + 2) } : {};
      // As an API server does: the items of a list do not say what they are.
      const items = all.slice(from, from + 2).map(({ kind: _k, apiVersion: _a, ...rest }) => rest as StoredObject);
      return { items, resourceVersion: '1', ...next };
    },
    async kinds() {
      return new Set(['ModelDeployment']);
    },
  };
  return client as KubeClient;
}

function selected({ metadata }: StoredObject, { namespace, labelSelector, fieldSelector }: ListOptions): boolean {
  const [key = '', value] = labelSelector?.split('=') ?? [];
  const label = metadata.labels?.[key];
  return (
    (namespace === undefined || metadata.namespace === namespace) &&
    (labelSelector === undefined || (value === undefined ? label !== undefined : label === value)) &&
    (fieldSelector === undefined || fieldSelector === `metadata.name=${metadata.name}`)
  );
}
