/** A walk of v1 → v2 that stands at its first step. */
import { MINUTE, type Spec, settings } from './build.ts';
import { World } from './world.ts';

export const STEPS = settings([
  [10, MINUTE],
  [50, MINUTE],
]);
export const V1 = { v1: 100 };
export const V2 = { v2: 100 };
export const TEN = { v1: 90, v2: 10 };

export function atStep(rollout = STEPS, more: Partial<Spec> = {}): World {
  return World.serving(V1, more).edit({ shares: V2, rollout }).calm();
}

/** Phase, reason and step. */
export const where = ({ state }: World) => [state?.phase, state?.reason, state?.step];
