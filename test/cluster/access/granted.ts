/** What a ServiceAccount may do, by the roles that the API server has stored and that name it. */
import { type Access, mustCall } from '../../control-plane/access.ts';
import { right } from './audit.ts';

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  verbs: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

interface Binding {
  metadata: { name: string; namespace?: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
  roleRef: { kind: 'Role' | 'ClusterRole'; name: string };
}

export interface Granted {
  /** As `right()` names it. */
  right: string;
  /** A namespace, or `*`. */
  where: string;
  /** The only objects that it holds for; empty for all. */
  names: readonly string[];
}

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

/** Of bindings to the account itself; those of its groups are Kubernetes' own and alike for everybody. */
export async function grantedTo(access: Access, namespace: string, name: string): Promise<Granted[]> {
  const of = async <T>(path: string): Promise<T[]> =>
    ((await mustCall(access, 'GET', `${RBAC}/${path}`)) as { items: T[] }).items;
  const bindings = [...(await of<Binding>('clusterrolebindings')), ...(await of<Binding>('rolebindings'))];
  const ours = bindings.filter(({ subjects = [] }) =>
    subjects.some((one) => one.kind === 'ServiceAccount' && one.name === name && one.namespace === namespace),
  );
  const granted = await Promise.all(
    ours.map(async ({ metadata, roleRef }): Promise<Granted[]> => {
      const place = roleRef.kind === 'Role' ? `/namespaces/${metadata.namespace}/roles` : '/clusterroles';
      const { rules } = (await mustCall(access, 'GET', `${RBAC}${place}/${roleRef.name}`)) as { rules: Rule[] };
      return rules.flatMap((rule) => expand(rule, metadata.namespace ?? '*'));
    }),
  );
  return granted.flat();
}

function expand(
  { apiGroups = [], resources = [], verbs, resourceNames = [], nonResourceURLs = [] }: Rule,
  where: string,
) {
  if (nonResourceURLs.length > 0) throw new Error(`no rule of ours is about addresses: ${nonResourceURLs.join(', ')}`);
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.map((verb): Granted => ({ right: right(group, resource, verb), where, names: resourceNames })),
    ),
  );
}
