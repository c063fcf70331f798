/** What the operator tells those who ask how it is. Pure. */
import type { Informer } from './kube/informer.ts';
import { andList, cut } from './reconcile/status/words.ts';

/** A pass waits for the API server only, and each request is given up after seconds; this long it is stuck for good. */
const STUCK_MS = 600_000;
const LENGTH = 500;

type Cache = Pick<Informer, 'synced' | 'trouble' | 'resource'>;

/** Undefined when all caches are filled; else which are not, and what the API server says. */
export function unfilled(caches: readonly Cache[]): string | undefined {
  const behind = caches.filter(({ synced }) => !synced);
  if (behind.length === 0) return undefined;
  const names = andList(behind.map(({ resource }) => resource.plural));
  const trouble = behind.find((cache) => cache.trouble !== undefined)?.trouble;
  const why = trouble === undefined ? 'the first lists are under way' : cut(trouble, LENGTH);
  return `not in the cache yet: ${names}; ${why}`;
}

/** Undefined while all work goes on; else what is stuck. @param run the longest that is under way */
export function stuck(run: { key: string; ms: number } | undefined): string | undefined {
  if (run === undefined || run.ms < STUCK_MS) return undefined;
  return `work on ${run.key} has not come back for ${Math.floor(run.ms / 60_000)} minutes`;
}
