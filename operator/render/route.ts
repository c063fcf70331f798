/** Routes of a ModelDeployment that a gateway splits, where Gateway API is served. Pure. */
import { effectiveGateway } from '../../api/effective.ts';
import type { ModelDeployment } from '../../api/model-deployment.ts';
import { isServed, metadata, type RenderOptions, type RenderPlan, type RenderProblem, type Subject } from './input.ts';
import type { KubeObject } from './objects.ts';
import { grpcRules, httpRules, MOST_RULES, type RouteRules } from './route-rules.ts';
import { isSettling } from './route-weights.ts';

export const GATEWAY_API = 'gateway.networking.k8s.io/v1';
export const ROUTE_KINDS = ['HTTPRoute', 'GRPCRoute'] as const;
type RouteKind = (typeof ROUTE_KINDS)[number];

/**
 * The revision of the table whose shares a route carries. Missing while it carries others: a version whose pods are
 * ready is not in its Service yet.
 */
export const ROUTE_REVISION_ANNOTATION = 'modelship.dev/table-revision';

const PATH = 'spec.routing.gateway';

interface Wanted {
  kind: RouteKind;
  attach: NonNullable<ReturnType<typeof effectiveGateway>>['http'];
  made: RouteRules;
}

/** Those that there is something to lead to, served or not. */
function wantedRoutes({ metadata: { name }, spec }: ModelDeployment, { table, versions }: RenderPlan): Wanted[] {
  const gateway = effectiveGateway(spec);
  if (!gateway) return [];
  const route = { model: name, table, versions, gateway };
  const all: Wanted[] = [
    { kind: 'HTTPRoute', attach: gateway.http, made: httpRules(route) },
    { kind: 'GRPCRoute', attach: gateway.grpc, made: grpcRules(route) },
  ];
  return all.filter(({ kind, made }) => gateway.routes.includes(kind) && made.rules.length > 0);
}

/** The older of two routes of one listener and host counts: the HTTPRoute comes first. */
export function routes(md: ModelDeployment, subject: Subject, plan: RenderPlan, options: RenderOptions): KubeObject[] {
  const { revision } = plan.table;
  const annotations = isSettling(plan.table, plan.versions)
    ? undefined
    : { [ROUTE_REVISION_ANNOTATION]: String(revision) };
  return wantedRoutes(md, plan)
    .filter(({ kind }) => isServed(options, `${GATEWAY_API}/${kind}`))
    .map(({ kind, attach, made }) => ({
      apiVersion: GATEWAY_API,
      kind,
      metadata: { ...metadata(subject, subject.model), annotations },
      spec: { parentRefs: attach.parentRefs, hostnames: attach.hostnames, rules: made.rules },
    }));
}

/** What of `routing.gateway` will not come true. The model is served all the same: the pods split what reaches the Service. */
export function routeProblems(md: ModelDeployment, plan: RenderPlan, options: RenderOptions): RenderProblem[] {
  const wanted = wantedRoutes(md, plan);
  const warning = (reason: string, message: string, path = PATH): RenderProblem[] => [
    { severity: 'warning', reason, message, path },
  ];
  const absent = wanted.filter(({ kind }) => !isServed(options, `${GATEWAY_API}/${kind}`)).map(({ kind }) => kind);
  const left = new Set(wanted.flatMap(({ made }) => made.left));
  return [
    ...(absent.length > 0
      ? warning(
          'GatewayNotServed',
          `${absent.join(' and ')} of ${GATEWAY_API} ${absent.length > 1 ? 'are' : 'is'} not served by this cluster: no gateway leads to ` +
            `${md.metadata.name}, and the pods split what reaches its Service; install the CRDs of Gateway API 1.1 or later, or leave out ${PATH}`,
        )
      : []),
    ...(wanted.length > 0 && md.spec.cohort
      ? warning(
          'CohortNotSticky',
          `cohort.header keeps no version through a gateway, which splits each request by itself; use ${PATH}.cohorts`,
          'spec.cohort',
        )
      : []),
    ...(left.size > 0
      ? warning(
          'RouteFull',
          `a route has room for ${MOST_RULES} rules: ${[...left].join(', ')} cannot be reached by name through the gateway`,
        )
      : []),
  ];
}
