/** Users for operators: ServiceAccounts with the rights that they are given, and kubeconfigs for them. */
import { join } from 'node:path';
import type { Access } from '../../control-plane/access.ts';
import { mustCall, writeKubeconfig } from '../../control-plane/access.ts';
import { useCluster } from './cluster.ts';

export interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

const WRITE = ['get', 'list', 'watch', 'create', 'patch', 'update', 'delete'];
const rule = (apiGroup: string, resources: string[], verbs = WRITE): Rule => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
});

/** All that an operator of one namespace needs there. */
export const OPERATOR_RULES: readonly Rule[] = [
  rule('modelship.dev', ['modeldeployments'], ['get', 'list', 'watch']),
  rule('modelship.dev', ['modeldeployments/status', 'modeldeployments/finalizers'], ['get', 'patch', 'update']),
  rule('', ['configmaps', 'services']),
  rule('', ['pods'], ['get', 'list', 'watch', 'patch']),
  rule('', ['events'], ['create', 'patch']),
  rule('events.k8s.io', ['events'], ['create', 'patch']),
  rule('apps', ['deployments', 'controllerrevisions']),
  rule('autoscaling', ['horizontalpodautoscalers']),
  rule('policy', ['poddisruptionbudgets']),
  rule('networking.k8s.io', ['networkpolicies']),
  rule('resource.k8s.io', ['resourceclaimtemplates']),
  rule('coordination.k8s.io', ['leases'], ['get', 'create', 'patch', 'update']),
];

/**
 * A ServiceAccount with these rights in its namespace and none elsewhere.
 * @returns the path of a kubeconfig for it
 */
export async function userWith(rules: readonly Rule[], namespace: string, folder: string): Promise<string> {
  const access = useCluster();
  const name = 'operator';
  const metadata = { name };
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  await mustCall(access, 'POST', accounts, { metadata });
  await mustCall(access, 'POST', `${rbac}/roles`, { metadata, rules });
  await mustCall(access, 'POST', `${rbac}/rolebindings`, {
    metadata,
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
  });
  const { status } = (await mustCall(access, 'POST', `${accounts}/${name}/token`, { spec: {} })) as {
    status: { token: string };
  };
  return kubeconfigFor({ ...access, token: status.token }, folder, namespace);
}

/** @returns its path */
export async function kubeconfigFor(access: Access, folder: string, name: string): Promise<string> {
  const path = join(folder, `${name}.kubeconfig`);
  await writeKubeconfig(path, access);
  return path;
}
