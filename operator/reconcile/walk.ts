/**
 * The rollout's part of a pass: what the engine says to do now, stored in the status before it is done. Where it cannot be
 * stored, or where another process has stored something newer, nothing moves.
 */
import { createHash } from 'node:crypto';
import { effectiveRollout } from '../../api/effective.ts';
import type { ModelDeploymentSpec } from '../../api/model-deployment.ts';
import { parseRolloutCommand, ROLLOUT_ANNOTATION } from '../../api/rollout-command.ts';
import type { TrafficTable } from '../../api/traffic-table.ts';
import { ALL } from '../../api/units.ts';
import type { Desired, Observed } from '../../core/model.ts';
import { decidesAnew, type RolloutOutput, type RolloutStatus } from '../../core/rollout/model.ts';
import { rollout } from '../../core/rollout/rollout.ts';
import { targetText } from '../../core/rollout/target.ts';
import { surelyNewer } from '../kube/informer-version.ts';
import { keyText } from '../kube/object.ts';
import type { Sources } from './analysis.ts';
import { analyse } from './analysis.ts';
import { problemOf } from './execute.ts';
import type { KeyMemory } from './key-memory.ts';
import type { Pass } from './pass.ts';
import type { RevisionData } from './revision.ts';
import { type StateKeeper, storeState } from './rollout-state.ts';
import type { StoredModelDeployment } from './stored.ts';

export interface Walker extends StateKeeper, Sources {}

export interface View {
  data: RevisionData;
  /** The stated split. */
  desired: Desired;
  observed: Observed;
  table: TrafficTable;
}

/** What is wanted now. Undefined: what was read is out of date, and the pass ends here. */
export async function walk(view: View, pass: Pass, memory: KeyMemory, walker: Walker): Promise<Desired | undefined> {
  const { data } = view;
  const { clock } = walker;
  const before = stateOf(pass.gathered.md, memory);
  const state = isWhole(before) ? before : undefined;
  const settings = effectiveRollout(data.spec);
  const seen = analyse(memory.analysis, witnessesOf(pass), walker);
  pass.lookAgain.push(...seen.lookAgain);
  const next = rollout({
    rollout: settings,
    desired: view.desired,
    observed: view.observed,
    target: targetOf(data, memory),
    state,
    verdicts: seen.verdicts,
    command: commandOf(pass),
    now: clock.wall(),
  });
  pass.rollout = { state: next.state, waiting: next.waiting, notes: seen.notes };
  if (decidesAnew(before, next.state)) {
    const stored = await storeState(next.state, before, pass, memory, walker);
    if (stored === 'outdated') return undefined;
    if (stored !== 'stored') {
      pass.errors.push(stored);
      pass.problems.push(problemOf(`ModelDeployment ${pass.gathered.md.metadata.name}`, stored));
      pass.rollout = { state, waiting: [], notes: seen.notes };
      return stay(view);
    }
  }
  look(next, settings?.analysis, pass, memory, clock);
  return next.goal;
}

/** Which window of analysis is open from now on, and when to come again. */
function look(
  { window, wakeAt }: RolloutOutput,
  analysis: NonNullable<ReturnType<typeof effectiveRollout>>['analysis'],
  pass: Pass,
  memory: KeyMemory,
  clock: Sources['clock'],
): void {
  const another = memory.analysis.open(window, analysis, clock.now(), clock.wall());
  // Reports of its own are wanted at once.
  if (another && window) pass.lookAgain.push(100);
  if (wakeAt !== undefined) pass.lookAgain.push(Math.max(50, wakeAt - clock.wall()));
}

/**
 * Where the walk stands, as far as this process knows: a cache may be behind what this process has written itself. What
 * another process wrote later than the cache knows is found out when the next state is to be stored.
 */
export function stateOf({ status, metadata }: StoredModelDeployment, { stored }: KeyMemory): RolloutStatus | undefined {
  return stored && surelyNewer(stored.version, metadata.resourceVersion) ? stored.state : status?.rollout;
}

/**
 * Whether a state can be walked on from. A hand may have edited it: shares that do not sum to all can't be served, and who
 * has no share can't be compared with. Such a state counts as none: what is served is where the next walk begins.
 */
export function isWhole(state: RolloutStatus | undefined): boolean {
  if (!state) return true;
  const { from, to, stable } = state;
  const all = (shares: RolloutStatus['from']) =>
    Object.values(shares).every((share) => share >= 0) && Object.values(shares).reduce((a, b) => a + b, 0) === ALL;
  return all(from) && all(to) && ((from[stable] ?? 0) > 0 || (to[stable] ?? 0) > 0);
}

function targetOf(data: RevisionData, memory: KeyMemory): string {
  if (memory.target?.data !== data) memory.target = { data, hash: targetHash(data.spec) };
  return memory.target.hash;
}

/** 8 hexadecimal digits. */
export function targetHash(spec: ModelDeploymentSpec): string {
  return createHash('sha256').update(targetText(spec)).digest('hex').slice(0, 8);
}

/** What the annotation says; a text that is no command is told of and otherwise passed over. */
function commandOf(pass: Pass): ReturnType<typeof onlyCommand> {
  const text = pass.gathered.md.metadata.annotations?.[ROLLOUT_ANNOTATION];
  if (text === undefined || text.trim() === '') return undefined;
  const parsed = parseRolloutCommand(text);
  if (typeof parsed === 'string') {
    const path = `metadata.annotations[${ROLLOUT_ANNOTATION}]`;
    pass.remarks.push({ severity: 'warning', reason: 'RolloutCommandInvalid', message: parsed, path });
  }
  return onlyCommand(parsed);
}

function onlyCommand(parsed: ReturnType<typeof parseRolloutCommand>) {
  return typeof parsed === 'string' ? undefined : parsed;
}

function witnessesOf({ gathered, reports }: Pass) {
  const { namespace = '', name } = gathered.md.metadata;
  const pods = [...gathered.pods.values()].flat();
  return { key: keyText(gathered.md.metadata), namespace, model: name, pods, reports };
}

/** What is served, as it is: nothing gains, nothing loses, and what has traffic stays. */
export function stay({ desired, table }: Pick<View, 'desired' | 'table'>): Desired {
  const rows = new Map(table.versions.map((row) => [row.name, row]));
  return {
    ...desired,
    primary: table.primary,
    observe: table.observe,
    versions: desired.versions.map((version) => {
      const { share = 0, shadow = 0 } = rows.get(version.name) ?? {};
      return { ...version, share, shadow };
    }),
  };
}
