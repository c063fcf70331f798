/** Users for operators: ServiceAccounts with the rights that they are given, and kubeconfigs for them. */
import { join } from 'node:path';
import { type AccessRule, LEADER_RULES, LEASE_RULES, MODEL_RULES } from '../../../operator/access.ts';
import type { Access } from '../../control-plane/access.ts';
import { mustCall, writeKubeconfig } from '../../control-plane/access.ts';
import { eventually, useCluster } from './cluster.ts';

/** All that an operator of one namespace needs there. */
export const OPERATOR_RULES: readonly AccessRule[] = [...MODEL_RULES, ...LEADER_RULES, ...LEASE_RULES];

/**
 * A ServiceAccount with these rights in its namespace and none elsewhere.
 * @returns the path of a kubeconfig for it
 */
export async function userWith(rules: readonly AccessRule[], namespace: string, folder: string): Promise<string> {
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
  await untilGranted(`system:serviceaccount:${namespace}:${name}`, namespace, rules);
  const { status } = (await mustCall(access, 'POST', `${accounts}/${name}/token`, { spec: {} })) as {
    status: { token: string };
  };
  return kubeconfigFor({ ...access, token: status.token }, folder, namespace);
}

/** Waits until the user may do this: who decides looks into caches of its own, which hear of a role a moment later. */
export async function untilGranted(user: string, namespace: string, rules: readonly AccessRule[]): Promise<void> {
  const { apiGroups: [group] = [], resources: [first = ''] = [], verbs: [verb] = [] } = rules[0] ?? {};
  const [resource, subresource] = first.split('/');
  const resourceAttributes = { namespace, group, resource, subresource, verb };
  const review = { spec: { user, resourceAttributes } };
  await eventually(`${user} may ${verb} ${resource}`, async () => {
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    return ((await mustCall(useCluster(), 'POST', path, review)) as { status: { allowed: boolean } }).status.allowed;
  });
}

/** @returns its path */
export async function kubeconfigFor(access: Access, folder: string, name: string): Promise<string> {
  const path = join(folder, `${name}.kubeconfig`);
  await writeKubeconfig(path, access);
  return path;
}
