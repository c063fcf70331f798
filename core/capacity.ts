/** How many replicas a share of the traffic takes, judged by those that serve it now. */
import { ALL } from '../api/units.ts';

export interface Serving {
  /** Basis points that it serves. */
  share: number;
  /** Replicas that serve them. */
  size: number;
}

/**
 * Replicas for `share`, so that each carries what a replica carries on average now, hence no more than the busiest does:
 *
 *     ⌈ share · Σ size / Σ share ⌉   over the versions that serve
 *
 * Where v1 serves 100 % with 10 replicas, half of it takes 5. Where v1 serves 99 % with 10 and v2 1 % with 2, all of it
 * takes 12: two replicas are the fewest that v2 may have and no measure of what 1 % needs. 1 where nothing serves yet.
 */
export function sizeFor(share: number, serving: readonly Serving[]): number {
  const serves = serving.filter((v) => v.share > 0);
  const shares = serves.reduce((sum, v) => sum + v.share, 0);
  const sizes = serves.reduce((sum, v) => sum + v.size, 0);
  if (shares === 0) return 1;
  return Math.max(1, Math.ceil((Math.min(share, ALL) * sizes) / shares));
}
