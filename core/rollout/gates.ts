/** What stops a walk, and what it waits for, before a share is given. */

import type { RolloutStatus } from './model.ts';
import { signatureProblems } from './signature.ts';
import { isPromoted, losersOf, neededFor, protects, seen, type Walk } from './walk.ts';
import { cut, durationWords, momentOf, stepWords } from './words.ts';

export interface Failure {
  reason: RolloutStatus['reason'];
  message: string;
}

/** Exits since the walk began that are one too many. */
const EXITS = 3;

/** Why a version that gains can't be given anything, however long it is waited for. */
export function failureOf(walk: Walk): Failure | undefined {
  if (!isGuarded(walk)) return undefined;
  for (const name of walk.gainers) {
    const { failure } = seen(walk, name) ?? {};
    if (failure)
      return {
        reason: 'VersionFailed',
        message: `${name}: ${failure.code}: ${failure.message}${andExits(walk, name)}`,
      };
  }
  for (const name of walk.gainers) {
    if (exitsOf(walk, name) >= EXITS) return { reason: 'VersionRestarts', message: exitWords(walk, name) };
  }
  const changed = walk.canaries.flatMap((name) => signatureChanges(walk, name));
  if (changed.length > 0) return { reason: 'SignatureChanged', message: changed.join('; ') };
  return undefined;
}

/** Whether the walk may fail: one that goes back has nowhere to go, and so has one from what serves nobody. */
function isGuarded({ state, input }: Walk): boolean {
  return !state.revert && protects(state.from, input.observed.versions);
}

/** Exits of a version since the walk began. */
export function exitsOf(walk: Walk, name: string): number {
  return (seen(walk, name)?.exits ?? 0) - (walk.state.exits?.[name] ?? 0);
}

function exitWords(walk: Walk, name: string): string {
  const exits = exitsOf(walk, name);
  const last = seen(walk, name)?.lastExit;
  return `${name} exited ${exits} time${exits === 1 ? '' : 's'} since the rollout began${last ? `, last: ${last}` : ''}`;
}

/** What to add to another failure of a version that exits, too; empty when it does not. */
export function andExits(walk: Walk, name: string): string {
  return exitsOf(walk, name) > 0 ? `; ${exitWords(walk, name)}` : '';
}

function signatureChanges(walk: Walk, canary: string): string[] {
  if (!comparesSignatures(walk)) return [];
  const [old, its] = [seen(walk, walk.state.stable)?.signature, seen(walk, canary)?.signature];
  return old && its ? signatureProblems(old, its).map((problem) => `${canary}: ${problem}`) : [];
}

/** A person who skips the rest has seen what there is to see. */
function comparesSignatures(walk: Walk): boolean {
  return walk.rollout.signature === 'Compatible' && isGuarded(walk) && !isPromoted(walk.state);
}

export interface Shortage {
  /** What is waited for, in sentences. */
  missing: string[];
  /** Whether the version could have been ready by now. */
  late: boolean;
}

/** What the versions that are to gain at this step lack. Nothing, where they have their share already. */
export function shortageOf(walk: Walk): Shortage {
  const { state, rollout, input } = walk;
  const gaining = walk.gainers.filter((name) => isToGain(walk, name));
  const short = gaining.flatMap((name) => lacks(walk, name));
  const compared = comparesSignatures(walk) ? gaining.filter((name) => walk.canaries.includes(name)) : [];
  const unknown = compared.filter((name) => !seen(walk, name)?.signature).map(signatureUnknown);
  const blind = compared.length > 0 && !seen(walk, state.stable)?.signature;
  const past = input.now - (momentOf(state.movedAt) ?? input.now) >= rollout.progressDeadlineMs;
  return {
    missing: [...short, ...(short.length === 0 ? unknown : []), ...(blind ? [signatureUnknown(state.stable)] : [])],
    late: past && isGuarded(walk) && short.length + unknown.length > 0,
  };
}

const signatureUnknown = (name: string) => `no process of ${name} has told its inputs and outputs yet`;

/** Who is copied to before it has a share must be ready, too. */
function isToGain({ shares, served }: Walk, name: string): boolean {
  const share = shares[name] ?? 0;
  return share > (served[name] ?? 0) || share === 0;
}

function lacks(walk: Walk, name: string): string[] {
  const version = walk.input.desired.versions.find((v) => v.name === name);
  const ready = seen(walk, name)?.readyReplicas ?? 0;
  const needed = version ? Math.max(1, neededFor(version, walk.shares[name] ?? 0, losersOf(walk))) : 1;
  if (ready >= needed) return [];
  return [ready === 0 ? `${name} is not ready` : `${name} has ${ready} of ${needed} replicas ready`];
}

export function lateness(walk: Walk, { missing }: Shortage): Failure {
  const { state, steps, rollout } = walk;
  const after = `within ${durationWords(rollout.progressDeadlineMs)} of ${stepWords(state, steps)}`;
  return { reason: 'ProgressDeadlineExceeded', message: cut(`not ready ${after}: ${missing.join('; ')}`) };
}
