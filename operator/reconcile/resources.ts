/** The kinds of objects that a ModelDeployment becomes, and those that tell how it fares. */
import { API_VERSION, KIND } from '../../api/model-deployment.ts';
import type { Resource } from '../kube/object.ts';
import { RESOURCE_API } from '../render/claim-template.ts';
import { MONITORING_API } from '../render/pod-monitor.ts';
import { GATEWAY_API } from '../render/route.ts';

const namespaced = (apiVersion: string, kind: string, plural: string): Resource => ({
  apiVersion,
  kind,
  plural,
  namespaced: true,
});

export const MODEL_DEPLOYMENTS = namespaced(API_VERSION, KIND, 'modeldeployments');
export const PODS = namespaced('v1', 'Pod', 'pods');
export const NODES: Resource = { apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };
export const DEPLOYMENTS = namespaced('apps/v1', 'Deployment', 'deployments');
export const CONFIG_MAPS = namespaced('v1', 'ConfigMap', 'configmaps');
export const SERVICES = namespaced('v1', 'Service', 'services');
export const REVISIONS = namespaced('apps/v1', 'ControllerRevision', 'controllerrevisions');
export const AUTOSCALERS = namespaced('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers');
export const BUDGETS = namespaced('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets');
export const NETWORK_POLICIES = namespaced('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies');
export const CLAIM_TEMPLATES = namespaced(RESOURCE_API, 'ResourceClaimTemplate', 'resourceclaimtemplates');
export const POD_MONITORS = namespaced(MONITORING_API, 'PodMonitor', 'podmonitors');

export const HTTP_ROUTES = namespaced(GATEWAY_API, 'HTTPRoute', 'httproutes');
export const GRPC_ROUTES = namespaced(GATEWAY_API, 'GRPCRoute', 'grpcroutes');
/** What stands behind Services; read only where there are routes. */
export const ENDPOINT_SLICES = namespaced('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices');

/** What is applied and pruned. */
export const OWNED: readonly Resource[] = [
  CONFIG_MAPS,
  SERVICES,
  DEPLOYMENTS,
  AUTOSCALERS,
  BUDGETS,
  NETWORK_POLICIES,
  CLAIM_TEMPLATES,
  POD_MONITORS,
  HTTP_ROUTES,
  GRPC_ROUTES,
];

/** Of these, the ones that not every cluster serves. */
export const OPTIONAL: readonly Resource[] = [CLAIM_TEMPLATES, POD_MONITORS, HTTP_ROUTES, GRPC_ROUTES];

/** @throws TypeError for a kind that is not ours: a mistake of the caller */
export function resourceOf({ kind }: { kind: string }): Resource {
  const found = OWNED.find((resource) => resource.kind === kind);
  if (!found) throw new TypeError(`${kind} is not a kind that is applied`);
  return found;
}
