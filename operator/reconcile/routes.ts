/** What gateways make of the routes: whether they follow the traffic table, and what they say. Pure. */
import { effectiveGateway } from '../../api/effective.ts';
import type { ModelDeploymentSpec } from '../../api/model-deployment.ts';
import { controllerOf, type StoredObject } from '../kube/object.ts';
import { isServed, type PlannedVersion, type RenderOptions } from '../render/input.ts';
import { speaksGrpc } from '../render/ports.ts';
import { GATEWAY_API, ROUTE_KINDS, ROUTE_REVISION_ANNOTATION } from '../render/route.ts';
import { speaksHttp } from '../render/route-rules.ts';
import type { Gathered } from './gather.ts';
import type { GatewayWord, ParentFacts, RouteFacts } from './status/facts.ts';

interface ParentRef {
  group?: string;
  kind?: string;
  name: string;
  namespace?: string;
  sectionName?: string;
  port?: number;
}

interface RouteCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  observedGeneration?: number;
  lastTransitionTime?: string;
}

interface StoredRoute extends StoredObject {
  spec: { parentRefs?: ParentRef[] };
  status?: { parents?: { parentRef: ParentRef; conditions?: RouteCondition[] }[] };
}

/** The routes that a spec asks for and the cluster serves, as they are stored; none where the pods split alone. */
export function routeFacts(
  spec: ModelDeploymentSpec,
  versions: readonly Pick<PlannedVersion, 'serving'>[],
  { md, owned }: Gathered,
  options: RenderOptions,
): RouteFacts[] {
  const gateway = effectiveGateway(spec);
  if (!gateway) return [];
  const speaks = {
    HTTPRoute: versions.some((version) => speaksHttp(version)),
    GRPCRoute: versions.some(({ serving }) => speaksGrpc(serving)),
  };
  const kinds = ROUTE_KINDS.filter((kind) => gateway.routes.includes(kind) && speaks[kind]);
  return kinds
    .filter((kind) => isServed(options, `${GATEWAY_API}/${kind}`))
    .map((kind) => {
      const found = owned.find((o) => o.kind === kind && o.metadata.name === md.metadata.name);
      const ours = found && controllerOf(found)?.uid === md.metadata.uid;
      return factsOf(kind, md.metadata.name, ours ? (found as StoredRoute) : undefined);
    });
}

function factsOf(kind: RouteFacts['kind'], name: string, stored: StoredRoute | undefined): RouteFacts {
  const revision = Number(stored?.metadata.annotations?.[ROUTE_REVISION_ANNOTATION]);
  return {
    kind,
    name,
    createdAt: stored?.metadata.creationTimestamp,
    revision: Number.isInteger(revision) ? revision : undefined,
    parents: (stored?.spec.parentRefs ?? []).map((ref) => parentFacts(ref, stored as StoredRoute)),
  };
}

function parentFacts(ref: ParentRef, { metadata, status }: StoredRoute): ParentFacts {
  const { namespace = '', generation = 0 } = metadata;
  const key = refKey(ref, namespace);
  const entries = (status?.parents ?? []).filter(({ parentRef }) => refKey(parentRef, namespace) === key);
  // More than one controller may speak of a parent: what one refuses is refused.
  const word = (type: string): GatewayWord | undefined => {
    const said = entries.flatMap(({ conditions = [] }) => conditions.filter((condition) => condition.type === type));
    const one = said.find((condition) => condition.status === 'False') ?? said[0];
    return (
      one && {
        holds: one.status === 'True',
        refuses: one.status === 'False',
        current: (one.observedGeneration ?? generation) >= generation,
        reason: one.reason ?? '',
        message: one.message ?? '',
        since: one.lastTransitionTime ?? '',
      }
    );
  };
  const place = ref.namespace !== undefined && ref.namespace !== namespace ? `${ref.namespace}/` : '';
  const section = ref.sectionName === undefined ? '' : `, listener ${ref.sectionName}`;
  return {
    name: `${ref.kind ?? 'Gateway'} ${place}${ref.name}${section}`,
    accepted: word('Accepted'),
    resolved: word('ResolvedRefs'),
  };
}

function refKey(ref: ParentRef, namespace: string): string {
  const { group = 'gateway.networking.k8s.io', kind = 'Gateway', name, sectionName = '', port = '' } = ref;
  return JSON.stringify([group, kind, name, ref.namespace ?? namespace, sectionName, port]);
}

/**
 * Whether every gateway splits as the table of this revision says: each route carries its shares, and each parent has
 * accepted the route as it is now. Gateways say so when they have read a route; some take a second or two more to act.
 * True where there are no routes.
 */
export function routesInForce(routes: readonly RouteFacts[], revision: number): boolean {
  return routes.every(
    (route) =>
      route.revision !== undefined &&
      route.revision >= revision &&
      route.parents.length > 0 &&
      route.parents.every(({ accepted }) => accepted?.holds && accepted.current),
  );
}
