/** The hand of the place that the flags choose. */
import { onCluster } from '../cluster/options.ts';
import { ClusterHand } from './cluster-hand.ts';
import type { Hand } from './hand.ts';
import { LaptopHand } from './laptop-hand.ts';
import type { PlaceFlags } from './place.ts';

/** Connects, acts, and lets go. */
export function withHand<T>(name: string, flags: PlaceFlags, act: (hand: Hand) => Promise<T>): Promise<T> {
  if (flags.stateDir !== undefined) return act(new LaptopHand(flags.stateDir, name));
  return onCluster(flags, (cluster) => act(new ClusterHand(cluster, name, flags)));
}
