/** How many replicas a share of the traffic takes, judged by those that serve it now. */
import { ALL } from '../api/units.ts';

export interface Serving {
  /** Basis points that it serves. */
  share: number;
  /** Replicas that serve them. */
  size: number;
}

/**
 * Replicas for `share`, so that each carries no more than the busiest kind of replica does now:
 *
 *     ⌈ share · max over the versions that serve (size / share) ⌉
 *
 * Where v1 serves 100 % with 10 replicas, half of it takes 5. 1 where nothing serves yet. The most loaded version would
 * be the min of that ratio; the max leaves room, since a new version is not known to be as fast as the old one.
 */
export function sizeFor(share: number, serving: readonly Serving[]): number {
  const perPoint = Math.max(0, ...serving.filter((v) => v.share > 0).map((v) => v.size / v.share));
  // 7.000000001 replicas are 7: the quotient is not exact in binary.
  return Math.max(1, Math.ceil(Math.min(share, ALL) * perPoint - 1e-9));
}
