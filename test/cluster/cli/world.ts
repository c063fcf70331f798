/** ModelDeployments in the shared control plane, with all that the operator would make of them. */
import path from 'node:path';
import type { ModelDeployment } from '../../../api/model-deployment.ts';
import { firstPlan } from '../../../operator/render/first-plan.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';
import { render } from '../../../operator/render/render.ts';
import { withScales } from '../../../operator/render/text.ts';
import { type Ended, ran } from '../../cli/support.ts';
import { type Access, mustCall, writeKubeconfig } from '../../control-plane/access.ts';
import { useCluster } from '../harness/cluster.ts';

const PLURALS: Record<string, string> = {
  ConfigMap: 'configmaps',
  Service: 'services',
  Deployment: 'deployments',
  PodDisruptionBudget: 'poddisruptionbudgets',
  HorizontalPodAutoscaler: 'horizontalpodautoscalers',
  NetworkPolicy: 'networkpolicies',
};

export const pathOf = (apiVersion: string, namespace: string, plural: string, name = '') =>
  `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}/namespaces/${namespace}/${plural}${name && `/${name}`}`;

const MODEL_API = 'modelship.dev/v1alpha1';

export async function addModelDeployment(namespace: string, manifest: object): Promise<ModelDeployment> {
  const at = pathOf(MODEL_API, namespace, 'modeldeployments');
  return (await mustCall(useCluster(), 'POST', at, manifest)) as ModelDeployment;
}

export async function setStatus(namespace: string, name: string, status: object): Promise<void> {
  const at = pathOf(MODEL_API, namespace, 'modeldeployments', name);
  const now = (await mustCall(useCluster(), 'GET', at)) as object;
  await mustCall(useCluster(), 'PUT', `${at}/status`, { ...now, status });
}

export async function addObjects(namespace: string, md: ModelDeployment): Promise<void> {
  const rendered = render(md, firstPlan(md), { runtimeImage: 'runtime:1', namespace, networkPolicy: {} });
  if (!rendered.ok) throw new Error(rendered.problems.map(({ message }) => message).join());
  for (const object of withScales(rendered.objects, rendered.scales)) await addObject(namespace, object);
}

async function addObject(namespace: string, object: KubeObject): Promise<void> {
  const plural = PLURALS[object.kind];
  if (!plural) throw new Error(`no address for ${object.kind}`);
  await mustCall(useCluster(), 'POST', pathOf(object.apiVersion, namespace, plural), object);
}

/** Runs one command line in this process against the shared control plane, or as another user of it. */
export function modelship(
  args: readonly string[],
  kubeconfig = useCluster().kubeconfigPath,
  env?: Readonly<Record<string, string>>,
): Promise<Ended> {
  return ran([...args, '--kubeconfig', kubeconfig], env);
}

/** A user who may do what the rules say in the namespace. @returns the path of its kubeconfig */
export async function userWith(namespace: string, name: string, folder: string, rules: object[]): Promise<string> {
  const cluster = useCluster();
  const subject = { kind: 'ServiceAccount', name, namespace };
  const accounts = pathOf('v1', namespace, 'serviceaccounts');
  await mustCall(cluster, 'POST', accounts, { metadata: { name } });
  const rbac = 'rbac.authorization.k8s.io/v1';
  await mustCall(cluster, 'POST', pathOf(rbac, namespace, 'roles'), { metadata: { name }, rules });
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  const binding = { metadata: { name }, roleRef, subjects: [subject] };
  await mustCall(cluster, 'POST', pathOf(rbac, namespace, 'rolebindings'), binding);
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const made = (await mustCall(cluster, 'POST', `${accounts}/${name}/token`, request)) as { status: { token: string } };
  const access: Access = { url: cluster.url, ca: cluster.ca, token: made.status.token };
  const kubeconfig = path.join(folder, `${name}.kubeconfig`);
  await writeKubeconfig(kubeconfig, access);
  return kubeconfig;
}
