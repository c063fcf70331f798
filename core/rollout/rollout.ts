/** The rollout engine: where the walk stands next, and what is wanted now. Pure. */
import type { RolloutInput, RolloutOutput } from './model.ts';

export function rollout({ desired, state }: RolloutInput): RolloutOutput {
  return { state, goal: desired, waiting: [] };
}
