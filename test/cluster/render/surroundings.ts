/** What the rendered objects meet in a cluster, so that they are refused for their own sake or not at all. */
import { FIELD_MANAGER } from '../../../operator/render/deployment.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';
import type { Access } from '../../control-plane/access.ts';
import { addNamespace, eventually } from '../harness/cluster.ts';
import { apply, mustApply } from '../harness/objects.ts';

/** Pod Security's strictest profile: pods that break it are refused, Deployments of such pods answered with a warning. */
export const RESTRICTED = {
  'pod-security.kubernetes.io/enforce': 'restricted',
  'pod-security.kubernetes.io/warn': 'restricted',
};

/** What pods of the manifests name and admission looks up. */
const CLASSES: KubeObject[] = [
  { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'nvidia' }, handler: 'nvidia' },
  { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'models' }, value: 1000 },
];
const SERVICE_ACCOUNT: KubeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'model-reader' } };

/** Makes the namespaces and all that pods in them name; admission sees it when this returns. */
export async function surroundings(access: Access, namespaces: readonly string[]): Promise<void> {
  const manager = 'test';
  for (const object of CLASSES) await mustApply(access, object, { manager, namespace: '' });
  for (const namespace of namespaces) {
    await addNamespace(namespace, RESTRICTED);
    await mustApply(access, SERVICE_ACCOUNT, { manager, namespace });
    await eventually(`a pod in ${namespace} may name them`, async () => {
      const { status, text } = await tryOut(access, probe, namespace);
      if (status > 299) throw new Error(text);
      return true;
    });
  }
}

/** Whether the API server would take it; nothing is stored. */
export const tryOut = (access: Access, object: KubeObject | string, namespace: string) =>
  apply(access, object, { manager: FIELD_MANAGER, namespace, dryRun: true });

const probe: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'probe' },
  spec: {
    serviceAccountName: 'model-reader',
    runtimeClassName: 'nvidia',
    priorityClassName: 'models',
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'probe',
        image: 'probe',
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  },
};

/** The pod that the Deployment's controller would make. */
export function podOf({ metadata, spec }: KubeObject): KubeObject {
  const { template } = spec as { template: { metadata: object; spec: object } };
  const name = `${metadata.name.slice(0, 57)}-pod`;
  const { namespace } = metadata;
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...template.metadata, name, namespace }, spec: template.spec };
}
