/** Builders for reconcile tests: what a case does not name is ordinary. */
import { type ModelDeploymentSpec, modelDeployment } from '../../../api/model-deployment.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import type { Gathered } from '../../../operator/reconcile/gather.ts';
import type { Pod } from '../../../operator/reconcile/pod.ts';
import type { StoredDeployment, StoredModelDeployment } from '../../../operator/reconcile/stored.ts';
import { labels } from '../../../operator/render/labels.ts';
import { versionName } from '../../../operator/render/names.ts';

export const UID = 'uid-of-digits';
export const OWNER = {
  apiVersion: 'modelship.dev/v1alpha1',
  kind: 'ModelDeployment',
  name: 'digits',
  uid: UID,
  controller: true,
};

type VersionInput = { name: string; traffic?: number; uri?: string } & Record<string, unknown>;

export function spec(versions: VersionInput[], more: Record<string, unknown> = {}): ModelDeploymentSpec {
  const listed = versions.map(({ uri, ...version }) => ({
    ...version,
    model: { uri: uri ?? `s3://models/digits/${version.name}.onnx` },
  }));
  const document = {
    apiVersion: 'modelship.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: { name: 'digits' },
    spec: { versions: listed, ...more },
  };
  modelDeployment.parse(document);
  return document.spec as ModelDeploymentSpec;
}

export function model(of: ModelDeploymentSpec, more: Partial<StoredModelDeployment> = {}): StoredModelDeployment {
  return {
    apiVersion: 'modelship.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: {
      name: 'digits',
      namespace: 'models',
      uid: UID,
      resourceVersion: '10',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: of,
    ...more,
  };
}

let nextVersion = 100;

export function stored(kind: string, name: string, more: Record<string, unknown> = {}, version?: string): StoredObject {
  nextVersion++;
  return {
    apiVersion: 'v1',
    kind,
    metadata: {
      name,
      namespace: 'models',
      uid: `uid-${kind}-${name}`,
      resourceVersion: String(nextVersion),
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: labels('digits', version),
      ownerReferences: [OWNER],
    },
    ...more,
  };
}

export function deployment(version: string, replicas: number, more: Partial<StoredDeployment> = {}): StoredDeployment {
  const status = { observedGeneration: 1, replicas, updatedReplicas: replicas, readyReplicas: replicas };
  const object = stored('Deployment', versionName('digits', version), { spec: { replicas }, status, ...more }, version);
  object.metadata.generation = 1;
  return object as StoredDeployment;
}

export function pod(version: string, name: string, ready: boolean, more: Record<string, unknown> = {}): Pod {
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  const status = { phase: 'Running', podIP: '10.0.0.1', conditions, ...more };
  return { ...stored('Pod', name, {}, version), spec: { nodeName: 'node-1' }, status };
}

export function gathered(more: Partial<Gathered> & { md: StoredModelDeployment }): Gathered {
  return {
    revisions: [],
    owned: [],
    deployments: new Map(),
    pods: new Map(),
    table: undefined,
    restored: false,
    lost: [],
    publicService: undefined,
    ...more,
  };
}
