/** What is rendered, applied for real: what is applied again unchanged is not written again. */
import { describe, expect, it } from 'vitest';
import type { ModelDeployment } from '../../../api/model-deployment.ts';
import { FIELD_MANAGER, SCALE_FIELD_MANAGER } from '../../../operator/render/deployment.ts';
import { canonical, type KubeObject } from '../../../operator/render/objects.ts';
import { mustCall } from '../../control-plane/access.ts';
import { CASES, type Case, OF_CRDS, readManifest, renderOne } from '../../operator/render/cases.ts';
import { namespace, useCluster } from '../harness/cluster.ts';
import { mustApply } from '../harness/objects.ts';
import { quota } from '../harness/quota.ts';
import { RESTRICTED } from './surroundings.ts';

const access = useCluster();
const SIZE = 5;
const OURS = [FIELD_MANAGER, SCALE_FIELD_MANAGER];
/** Set by the Deployment's controller. */
const REVISION = 'deployment.kubernetes.io/revision';

interface Stored extends KubeObject {
  metadata: KubeObject['metadata'] & {
    uid: string;
    resourceVersion: string;
    generation?: number;
    managedFields: { manager: string }[];
  };
  spec: { replicas?: number };
}

/** A namespace in which no pod comes to be: the Deployments here would take GPUs that other tests count. */
async function podlessNamespace(): Promise<string> {
  const name = await namespace(RESTRICTED);
  await quota(access, name, 'no-pods', { pods: '0' });
  return name;
}

/** Stores the ModelDeployment: objects whose owner does not exist are collected as garbage. */
async function stored(md: ModelDeployment, place: string): Promise<ModelDeployment> {
  const metadata = { name: md.metadata.name, labels: md.metadata.labels };
  const path = `/apis/modelship.dev/v1alpha1/namespaces/${place}/modeldeployments`;
  const { uid } = ((await mustCall(access, 'POST', path, { ...md, metadata })) as Stored).metadata;
  return { ...md, metadata: { ...metadata, namespace: place, uid } };
}

/** 5, or as near to it as the bounds of an autoscaler allow; beyond them it would set another size. */
function sizeFor(deployment: string, objects: readonly KubeObject[]): number {
  const scaler = objects
    .filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
    .map(({ spec }) => spec as { scaleTargetRef: { name: string }; minReplicas: number; maxReplicas: number })
    .find(({ scaleTargetRef }) => scaleTargetRef.name === deployment);
  return scaler ? Math.min(Math.max(SIZE, scaler.minReplicas), scaler.maxReplicas) : SIZE;
}

/** The object without what its controller writes between two applies. */
function withoutControllers({ status: _, ...object }: Stored): unknown {
  const { resourceVersion: _rv, managedFields, annotations, ...metadata } = object.metadata;
  const { [REVISION]: _revision, ...ours } = annotations ?? {};
  const managed = managedFields.filter(({ manager }) => OURS.includes(manager));
  return { ...object, metadata: { ...metadata, annotations: ours, managedFields: managed } };
}

describe.each(['digits', 'autoscaling', 'gpu', 'claim', 'pod', 'installation'])('%s, applied twice', (name) => {
  it('is written once, and Deployments keep the size of the other manager', async () => {
    const place = await podlessNamespace();
    const { manifest, options } = CASES[name] as Case;
    for (const written of readManifest(manifest)) {
      const rendered = renderOne(await stored(written, place), { ...options, namespace: place });
      const objects = rendered.objects.filter(({ kind }) => !OF_CRDS.includes(kind));
      const send = (object: KubeObject, manager: string) =>
        mustApply<Stored>(access, object, { manager, namespace: place });

      const first = new Map<string, Stored>();
      const key = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.name}`;
      const isScaler = ({ kind }: KubeObject): boolean => kind === 'HorizontalPodAutoscaler';
      for (const object of objects.filter((each) => !isScaler(each))) {
        first.set(key(object), await send(object, FIELD_MANAGER));
      }
      for (const { object } of rendered.scales) {
        const spec = { replicas: sizeFor(object.metadata.name, objects) };
        first.set(key(object), await send(canonical({ ...object, spec }), SCALE_FIELD_MANAGER));
      }
      // Last: an autoscaler that finds a size out of its bounds sets it, and this one is the test's to set.
      for (const object of objects.filter(isScaler)) first.set(key(object), await send(object, FIELD_MANAGER));

      expect(first.size).toBe(objects.length);
      for (const object of objects) {
        const before = first.get(key(object)) as Stored;
        const again = await send(object, FIELD_MANAGER);
        if (object.kind === 'Deployment') {
          expect(again.spec.replicas).toBe(sizeFor(object.metadata.name, objects));
          expect(again.spec.replicas).toBeGreaterThan(1);
        }
        if (again.metadata.resourceVersion === before.metadata.resourceVersion) continue;
        expect(withoutControllers(again), key(object)).toEqual(withoutControllers(before));
      }
    }
  });
});
