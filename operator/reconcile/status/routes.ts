/** What gateways keep from being as it is asked for. */
import type { Cause } from './causes.ts';
import type { GatewayWord, ParentFacts, RouteFacts, StatusFacts } from './facts.ts';
import { REASONS } from './reasons.ts';
import { cut, oneLine } from './words.ts';

/** A gateway that refuses may not have seen yet what it misses, such as a new Service. */
const REFUSED_MS = 10_000;
/** As long a gateway may say nothing at all. */
const SILENT_MS = 60_000;
const CAUSE_LENGTH = 2_048;

type Facts = Pick<StatusFacts, 'routes' | 'now'>;

export function routeCauses({ routes, now }: Facts): Cause[] {
  return routes.flatMap((route) => {
    const { kind, name, createdAt, parents } = route;
    const message = `${kind} ${name} is not there yet`;
    if (createdAt === undefined) return [{ reason: 'RouteWaiting', message, lasting: false, next: '' }];
    return parents.flatMap((parent) => parentCause(route, parent, Date.parse(now)));
  });
}

function parentCause(route: RouteFacts, parent: ParentFacts, now: number): Cause[] {
  const { kind, name } = route;
  const refusals = refusalsOf(parent);
  const since = stuckSince(route, parent);
  const lasting = since !== undefined && since <= now;
  const told = (reason: 'RouteRefused' | 'RouteWaiting', message: string): Cause => ({
    reason,
    message: cut(oneLine(message), CAUSE_LENGTH),
    lasting,
    next: `${kind} ${name}: ${REASONS[reason].todo}`,
  });
  if (refusals.length > 0) {
    const words = refusals.map(({ reason, message }) => [reason, message].filter(Boolean).join(': ')).join('; ');
    return [told('RouteRefused', `${parent.name} refuses ${kind} ${name}: ${words}`)];
  }
  if (parent.accepted?.holds && parent.accepted.current) return [];
  const what = parent.accepted ? 'has not accepted' : 'says nothing of';
  return [told('RouteWaiting', `${parent.name} ${what} ${kind} ${name}${parent.accepted ? ' as it is now' : ''}`)];
}

/** Of the route as it is now; what was said of an older one may be mended. */
function refusalsOf({ accepted, resolved }: ParentFacts): GatewayWord[] {
  return [accepted, resolved].filter((word) => word !== undefined).filter(({ refuses, current }) => refuses && current);
}

/** From when on waiting alone will not help, ms since 1970; undefined where it may. */
function stuckSince({ createdAt }: RouteFacts, parent: ParentFacts): number | undefined {
  const refusals = refusalsOf(parent);
  const from = refusals.length > 0 ? Math.min(...refusals.map(({ since }) => Date.parse(since) || 0)) : undefined;
  if (from !== undefined) return from + REFUSED_MS;
  if (parent.accepted || createdAt === undefined) return undefined;
  return Date.parse(createdAt) + SILENT_MS;
}

/** When the same words of the gateways mean more than they do now, ms since 1970. */
export function routesStuckAt({ routes, now }: Facts): number[] {
  const all = routes.flatMap((route) => route.parents.flatMap((parent) => stuckSince(route, parent) ?? []));
  return all.filter((at) => at > Date.parse(now));
}
