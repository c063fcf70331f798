/** A walk as it is looked at in one pass: the state, and what follows from it and from what was observed. Not changed. */
import type { EffectiveRollout } from '../../api/effective.ts';
import { type Serving, sizeFor } from '../capacity.ts';
import type { DesiredVersion, ObservedVersion } from '../model.ts';
import type { RolloutInput, RolloutStatus } from './model.ts';
import { gainersOf, type Shares, type Step, servedShares, sharesAt, stepsOf } from './steps.ts';

export interface Walk {
  input: RolloutInput;
  rollout: EffectiveRollout;
  state: RolloutStatus;
  /** The steps that count. */
  steps: readonly Step[];
  /** Versions that end with more than they began with. */
  gainers: readonly string[];
  /** Of these, those that are compared with the stable version. */
  canaries: readonly string[];
  /** Of the step that the walk stands at. */
  shares: Shares;
  /** Of the table that was written last. */
  served: Shares;
}

export function walkOf(input: RolloutInput, rollout: EffectiveRollout, state: RolloutStatus): Walk {
  const steps = stepsOf(state, rollout);
  const gainers = gainersOf(state);
  const canaries = gainers.filter((name) => name !== state.stable);
  const served = servedShares(input.observed.table);
  return { input, rollout, state, steps, gainers, canaries, served, shares: sharesOfStep(state, steps, state.step) };
}

/** @param step index; the number of steps and above stands for the end */
export function sharesOfStep({ from, to }: RolloutStatus, steps: readonly Step[], step: number): Shares {
  const at = steps[step];
  return at ? sharesAt(from, to, at.traffic) : to;
}

export function seen({ input }: Walk, name: string): ObservedVersion | undefined {
  return input.observed.versions.find((version) => version.name === name);
}

/** Whether the walk is at its last move, after which nothing is compared any more. */
export function atEnd({ state, steps }: Walk): boolean {
  return state.step >= steps.length;
}

/** What is analysed at the steps of this walk, if anything. One that goes back, or has no steps, compares nothing. */
export function analysisOf({ state, rollout, canaries }: Walk): EffectiveRollout['analysis'] {
  return state.revert || state.steps === 0 || canaries.length === 0 ? undefined : rollout.analysis;
}

/** Whether a person has said to skip the rest. */
export function isPromoted({ promoted }: RolloutStatus): boolean {
  return promoted === true;
}

/** Whether anything stands behind what is served: a version that is scaled to nothing protects nobody. */
export function protects(from: Shares, versions: readonly ObservedVersion[]): boolean {
  return versions.some(
    ({ name, readyReplicas, exists, size }) => (from[name] ?? 0) > 0 && (readyReplicas > 0 || (exists && size !== 0)),
  );
}

/** Replicas that must be ready for a share, judged by those who `serving` says serve. */
export function neededFor(version: DesiredVersion, share: number, serving: readonly Serving[]): number {
  const { elastic, max, size } = version;
  if (!elastic || max === undefined) return Math.max(size, version.needed ?? size);
  return share === 0 ? size : Math.min(max, Math.max(size, sizeFor(share, serving)));
}

/** Those of a split, as large as they are. */
export function servingOf(shares: Shares, names: readonly string[], versions: readonly ObservedVersion[]): Serving[] {
  return names.map((name) => {
    const is = versions.find((version) => version.name === name);
    return { share: shares[name] ?? 0, size: is?.size ?? is?.readyReplicas ?? 0 };
  });
}

/** Who loses is the measure: who gains is made larger by this very number, and would only grow. */
export function losersOf({ state, gainers, input }: Walk): Serving[] {
  const losers = Object.keys(state.from).filter((name) => !gainers.includes(name));
  return servingOf(state.from, losers, input.observed.versions);
}
