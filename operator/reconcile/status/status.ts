/** What is said of a ModelDeployment: pure, from facts that a pass gathered. */
import type { Status } from '../../../api/status.ts';
import { sameJson } from '../../../core/equal.ts';
import { isReady } from '../pod.ts';
import { type Cause, causesOf } from './causes.ts';
import { conditionsOf, type Said, verdictOf } from './conditions.ts';
import type { StatusFacts } from './facts.ts';
import { routesStuckAt } from './routes.ts';
import { stuckAt } from './scheduling.ts';
import { type Shares, sharesInForce, splitText, tableShares } from './traffic.ts';
import { type VersionView, versionStatus, viewOf } from './version-status.ts';
import { andList, cut } from './words.ts';

export { eventsOf, isFirstStart, isUrgent, type StatusEvent } from './changes.ts';

const VERSIONS = 64;

/** Complete: it takes the place of the one before. */
export function statusOf(facts: StatusFacts): Status {
  const { table, previous, generation, url } = facts;
  const views = facts.versions.slice(0, VERSIONS).map((version) => viewOf(version, facts));
  const wanted = table && tableShares(table);
  const inForce = sharesInForce(facts, views);
  const traffic = inForce ? splitText(inForce) : previous?.traffic;
  const available = availability(facts, views, wanted);
  const causes = causesOf(facts, views, wanted && splitText(wanted));
  // A size of 0 is complete with nobody there.
  if (causes.length === 0 && !available.holds) causes.push(notServing(available));
  const verdict = verdictOf(facts, causes, available, readyWords(views, traffic));
  const next = causes.find(({ lasting }) => lasting)?.next;
  return {
    observedGeneration: generation,
    conditions: conditionsOf(verdict, facts),
    ...(traffic === undefined ? {} : { traffic }),
    versions: views.map((view) => {
      const { name } = view.facts;
      const before = previous?.versions?.find((version) => version.name === name);
      const shares = [wanted && (wanted.get(name) ?? 0), inForce && (inForce.get(name) ?? 0)] as const;
      return versionStatus(view, ...shares, before, facts.rollout?.state);
    }),
    ...(facts.rollout?.state && { rollout: facts.rollout.state }),
    ...(url === undefined ? {} : { url: url.slice(0, 2_048) }),
    ...(next === undefined ? {} : { blockedBy: cut(next, 1_024) }),
  };
}

/** Whether there is nothing to write. Order does not count: the API server keeps one of its own in lists by key. */
export function sameStatus(a: Status | undefined, b: Status): boolean {
  return a !== undefined && sameJson(keyed(a), keyed(b));
}

function keyed({ conditions = [], versions = [], ...rest }: Status): unknown {
  const byType = Object.fromEntries(conditions.map((condition) => [condition.type, condition]));
  return { ...rest, byType, byName: Object.fromEntries(versions.map((version) => [version.name, version])) };
}

/**
 * When the same facts say something else though nothing happens: a pod without a node stalls after a while.
 * @returns ms from now; undefined for never
 */
export function changesIn({ versions, routes, now }: StatusFacts): number | undefined {
  const pods = versions.flatMap((version) => version.pods);
  const moments = [...pods.map(stuckAt), ...routesStuckAt({ routes, now })];
  const left = moments.map((at) => at - Date.parse(now)).filter((ms) => ms > 0 && Number.isFinite(ms));
  return left.length === 0 ? undefined : Math.min(...left);
}

/** Whether somebody answers every request. */
function availability(
  { table, url, door, routes }: StatusFacts,
  views: readonly VersionView[],
  shares: Shares | undefined,
): Said {
  const taking = views.filter(({ facts }) => (shares?.get(facts.name) ?? 0) > 0);
  const serving = taking.filter(({ ready }) => ready > 0).map(({ facts }) => facts.name);
  const not = (message: string): Said => ({ holds: false, reason: 'NotServing', message });
  if (!table) return not('nothing serves yet');
  if (serving.length === 0) return not('no version that takes traffic has a ready replica');
  if (url === undefined) return not('the Service is not there');
  // A gateway leads to the versions by itself. The Deployment's count comes after the pod's own word.
  const behind = routes.length > 0 ? undefined : views.find(({ facts }) => facts.name === door);
  if (behind?.ready === 0 && !behind.facts.pods.some(isReady)) {
    return not(`the Service leads to ${door}, which has no ready replica`);
  }
  const answer = serving.length === 1 ? 'answers' : 'answer';
  return { holds: true, reason: 'Serving', message: `${andList(serving)} ${answer}` };
}

function notServing({ message }: Said): Cause {
  return { reason: 'NotServing', message, lasting: false, next: '' };
}

function readyWords(views: readonly VersionView[], traffic: string | undefined): string {
  const names = (listed: boolean) =>
    views.filter(({ facts }) => facts.listed === listed && !facts.withdrawn).map(({ facts }) => facts.name);
  const leaving = names(false);
  const parts = [`${andList(names(true))} ready`, traffic, leaving.length > 0 && `${andList(leaving)} leaving`];
  return parts.filter(Boolean).join('; ');
}
