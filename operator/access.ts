/**
 * What the operator may do: the rules that the chart grants, and that the tests run it under. That it uses each of them,
 * `test/cluster/access` shows by the API server's audit log.
 */
export interface AccessRule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

/** How a cache is kept. */
const FOLLOW = ['list', 'watch'];
/** `create` beside `patch`: server-side apply of an object that is not there asks for it, too. */
const WRITE = ['create', 'patch', 'delete'];
/** `get`: whose an object is that has the name already. */
const KEEP = ['get', ...FOLLOW, ...WRITE];

const rule = (apiGroup: string, resources: string[], verbs: string[] = KEEP): AccessRule => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
});

/** In each namespace that it looks after. */
export const MODEL_RULES: readonly AccessRule[] = [
  rule('modelship.dev', ['modeldeployments'], ['get', ...FOLLOW]),
  rule('modelship.dev', ['modeldeployments/status'], ['patch']),
  // Asked for by the admission plugin OwnerReferencesPermissionEnforcement, which OpenShift runs: what is made for a
  // ModelDeployment names it as its owner and blocks its deletion in the foreground.
  rule('modelship.dev', ['modeldeployments/finalizers'], ['update']),
  rule('', ['configmaps', 'services']),
  rule('', ['pods'], [...FOLLOW, 'patch']),
  rule('events.k8s.io', ['events'], ['create', 'patch']),
  rule('apps', ['deployments']),
  rule('apps', ['controllerrevisions'], [...FOLLOW, ...WRITE]),
  rule('autoscaling', ['horizontalpodautoscalers']),
  rule('policy', ['poddisruptionbudgets']),
  rule('networking.k8s.io', ['networkpolicies']),
  rule('resource.k8s.io', ['resourceclaimtemplates']),
  rule('monitoring.coreos.com', ['podmonitors']),
  rule('gateway.networking.k8s.io', ['httproutes', 'grpcroutes']),
  rule('discovery.k8s.io', ['endpointslices'], FOLLOW),
];

/** In its own namespace. What does not exist yet has no name that a rule could be narrowed to. */
export const LEADER_RULES: readonly AccessRule[] = [rule('coordination.k8s.io', ['leases'], ['create'])];

/** In its own namespace, on the Lease of its name and no other. */
export const LEASE_RULES: readonly AccessRule[] = [rule('coordination.k8s.io', ['leases'], ['get', 'patch'])];

/** In the whole cluster, where it may. */
export const NODE_RULES: readonly AccessRule[] = [rule('', ['nodes'], FOLLOW)];
