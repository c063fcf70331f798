/** The rules of an HTTPRoute and of a GRPCRoute: who names a version, who belongs to a cohort, and everybody else. Pure. */
import type { effectiveGateway } from '../../api/effective.ts';
import type { TrafficTable } from '../../api/traffic-table.ts';
import type { PlannedVersion } from './input.ts';
import { versionName } from './names.ts';
import { DIRECT_GRPC, DIRECT_HTTP, speaksGrpc } from './ports.ts';
import { answers, routeWeights } from './route-weights.ts';

export type GatewaySpec = NonNullable<ReturnType<typeof effectiveGateway>>;

/** What a route has room for (Gateway API 1.4). Its 128 matches are never reached: see `docs/decisions/gateway.md`. */
export const MOST_RULES = 16;

/** A request that carries it is for the version that it names: the pods' own header. */
const VERSION_HEADER = 'modelship-version';
/** What pods tell each other on direct ports; of a user it would be believed. */
const INTERNAL_HEADERS = ['modelship-forwarded', 'modelship-mirror', 'modelship-timeout-ms'];

const INFERENCE = 'inference.GRPCInferenceService';
const GRPC_SERVICES = [
  INFERENCE,
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
];
/** `…/versions/V:predict` is one element of a path, which the prefix `…/versions/V` does not match. */
const TENSORFLOW_VERBS = ['predict', 'classify', 'regress'];

interface Match {
  path?: { type: 'PathPrefix' | 'Exact'; value: string };
  method?: { type: 'Exact'; service: string };
  headers?: { type: 'Exact'; name: string; value: string }[];
}

export interface RouteRule {
  matches: Match[];
  filters: object[];
  backendRefs: { name: string; port: number; weight: number }[];
}

export interface RouteRules {
  /** In order: of two that match equally well, the first counts. Empty where there is nobody to lead anything to. */
  rules: RouteRule[];
  /** Versions that cannot be asked for by name, and cohorts that are not led to theirs: there is no room for their rules. */
  left: string[];
}

interface Route {
  model: string;
  table: TrafficTable;
  versions: readonly PlannedVersion[];
  gateway: GatewaySpec;
}

export const speaksHttp = ({ serving: { protocols } }: Pick<PlannedVersion, 'serving'>): boolean =>
  protocols === undefined || protocols.some((protocol) => protocol !== 'grpc');

export function httpRules(route: Route): RouteRules {
  const { model, gateway } = route;
  const prefix = gateway.pathPrefix ?? '';
  const root: Match['path'] = { type: 'PathPrefix', value: prefix || '/' };
  const pinned = (version: PlannedVersion): Match[] => [
    { path: root, headers: [exactly(VERSION_HEADER, version.name)] },
    ...versionPaths(model, version).map(({ type, value }) => ({ path: { type, value: prefix + value } })),
  ];
  return assembled(route, {
    speaks: speaksHttp,
    port: DIRECT_HTTP.port,
    pinned,
    cohort: (header) => ({ path: root, headers: [header] }),
    rest: [{ path: root }],
    // A rule that cuts a prefix off may have one match only.
    split: prefix !== '',
    filters: (match) => [...HEADER_FILTER, ...(match && prefix !== '' ? [withoutPrefix(match, prefix)] : [])],
  });
}

export function grpcRules(route: Route): RouteRules {
  const method = { type: 'Exact', service: INFERENCE } as const;
  return assembled(route, {
    speaks: ({ serving }) => speaksGrpc(serving),
    port: DIRECT_GRPC.port,
    // The version that a message names is of no concern to a gateway, which does not read it.
    pinned: ({ name }) => [{ method, headers: [exactly(VERSION_HEADER, name)] }],
    cohort: (header) => ({ method, headers: [header] }),
    rest: GRPC_SERVICES.map((service) => ({ method: { type: 'Exact', service } })),
    split: false,
    filters: () => HEADER_FILTER,
  });
}

interface Kind {
  speaks(version: PlannedVersion): boolean;
  port: number;
  /** Who names the version. */
  pinned(version: PlannedVersion): Match[];
  cohort(header: NonNullable<Match['headers']>[number]): Match;
  /** Everybody. */
  rest: Match[];
  /** A rule a match. */
  split: boolean;
  /** @param match of a rule that has one only */
  filters(match: Match | undefined): object[];
}

function assembled({ model, table, versions, gateway }: Route, kind: Kind): RouteRules {
  // One that the table does not know any more was taken back, or leaves: pods do not find it by name either.
  const known = new Set(table.versions.map(({ name }) => name));
  const speaking = versions.filter((version) => known.has(version.name) && version.reachable && kind.speaks(version));
  const weights = routeWeights(table, versions, kind.speaks);
  const backend = (name: string, weight: number) => ({ name: versionName(model, name), port: kind.port, weight });
  const rules = (matches: Match[], backendRefs: RouteRule['backendRefs']): RouteRule[] =>
    kind.split
      ? matches.map((match) => ({ matches: [match], filters: kind.filters(match), backendRefs }))
      : [{ matches, filters: kind.filters(undefined), backendRefs }];
  const rest =
    weights.size > 0
      ? rules(
          kind.rest,
          [...weights].map(([name, weight]) => backend(name, weight)),
        )
      : [];
  const cohorts = gateway.cohorts.flatMap(({ name, header, values, version: of }) => {
    const version = speaking.find((one) => one.name === of);
    if (!version || !answers(version)) return [];
    const matches = values.map((value) => kind.cohort(exactly(header, value)));
    return rules(matches, [backend(of, 1)]).map((rule) => ({ rule, of: `cohort ${name}` }));
  });
  // Asked for by name, a version that cannot answer is not replaced by another.
  const pins = speaking.flatMap((version) =>
    rules(kind.pinned(version), [backend(version.name, answers(version) ? 1 : 0)]).map((rule) => ({
      rule,
      of: `version ${version.name}`,
    })),
  );
  const room = MOST_RULES - rest.length;
  const kept = { cohorts: cohorts.slice(0, room), pins: pins.slice(0, Math.max(0, room - cohorts.length)) };
  const left = [...cohorts.slice(kept.cohorts.length), ...pins.slice(kept.pins.length)].map(({ of }) => of);
  return {
    rules: [...kept.pins.map(({ rule }) => rule), ...kept.cohorts.map(({ rule }) => rule), ...rest],
    left: [...new Set(left)],
  };
}

function exactly(name: string, value: string) {
  return { type: 'Exact', name, value } as const;
}

/** Paths by which a version is asked for, in every protocol that has them. */
function versionPaths(model: string, { name, serving }: PlannedVersion): NonNullable<Match['path']>[] {
  const protocols = serving.protocols ?? ['rest'];
  const tensorflow = `/v1/models/${model}/versions/${name}`;
  return [
    ...(protocols.includes('rest') ? [prefixed(`/v2/models/${model}/versions/${name}`)] : []),
    ...(protocols.includes('tensorflow') ? [prefixed(tensorflow)] : []),
    ...(protocols.includes('tensorflow') ? TENSORFLOW_VERBS.map((verb) => exact(`${tensorflow}:${verb}`)) : []),
  ];
}

const prefixed = (value: string) => ({ type: 'PathPrefix', value }) as const;
const exact = (value: string) => ({ type: 'Exact', value }) as const;

const HEADER_FILTER = [{ type: 'RequestHeaderModifier', requestHeaderModifier: { remove: INTERNAL_HEADERS } }];

/** What is matched is what is replaced: the rest of a longer match is put back. */
function withoutPrefix({ path }: Match, prefix: string): object {
  const rest = path?.value.slice(prefix.length) || '/';
  const rewritten =
    path?.type === 'Exact'
      ? { type: 'ReplaceFullPath', replaceFullPath: rest }
      : { type: 'ReplacePrefixMatch', replacePrefixMatch: rest };
  return { type: 'URLRewrite', urlRewrite: { path: rewritten } };
}
