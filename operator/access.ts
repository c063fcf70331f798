/** What the operator may do: the rules that the chart grants, and that the tests run it under. */
export interface AccessRule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

const READ = ['get', 'list', 'watch'];
/** `update` beside `patch`: server-side apply of an object that is not there asks for `create`, too. */
const KEEP = [...READ, 'create', 'patch', 'update', 'delete'];

const rule = (apiGroup: string, resources: string[], verbs: string[] = KEEP): AccessRule => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
});

/** In each namespace that it looks after. */
export const MODEL_RULES: readonly AccessRule[] = [
  rule('modelship.dev', ['modeldeployments'], READ),
  rule('modelship.dev', ['modeldeployments/status', 'modeldeployments/finalizers'], ['get', 'patch', 'update']),
  rule('', ['configmaps', 'services']),
  rule('', ['pods'], [...READ, 'patch']),
  rule('', ['events'], ['create', 'patch']),
  rule('events.k8s.io', ['events'], ['create', 'patch']),
  rule('apps', ['deployments', 'controllerrevisions']),
  rule('autoscaling', ['horizontalpodautoscalers']),
  rule('policy', ['poddisruptionbudgets']),
  rule('networking.k8s.io', ['networkpolicies']),
  rule('resource.k8s.io', ['resourceclaimtemplates']),
  rule('monitoring.coreos.com', ['podmonitors']),
  rule('gateway.networking.k8s.io', ['httproutes', 'grpcroutes']),
  rule('discovery.k8s.io', ['endpointslices'], READ),
];

/** In its own namespace. */
export const LEADER_RULES: readonly AccessRule[] = [
  rule('coordination.k8s.io', ['leases'], ['get', 'create', 'patch', 'update']),
];

/** In the whole cluster, where it may. */
export const NODE_RULES: readonly AccessRule[] = [rule('', ['nodes'], READ)];
