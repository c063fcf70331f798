/** What the operator remembers of one ModelDeployment between two passes. Losing it costs reads, never a wrong write. */
import type { TrafficTable } from '../../api/traffic-table.ts';
import type { Memory, Signature } from '../../core/model.ts';
import type { RolloutStatus } from '../../core/rollout/model.ts';
import type { Scale } from '../render/deployment.ts';
import type { RenderOptions, RenderProblem } from '../render/input.ts';
import { AnalysisMemory } from './analysis.ts';
import type { Wanted } from './changes.ts';
import type { RevisionData } from './revision.ts';

/** Objects as they must be, or why there are none. */
export type Made =
  | { ok: true; wanted: Wanted[]; scales: Scale[]; warnings: RenderProblem[] }
  | { ok: false; problems: RenderProblem[] };

export interface KeyMemory {
  uid: string;
  /** When it was first seen by this process, ms of the clock. */
  firstSeen: number;
  /** What was taken last by this process: a ControllerRevision may be deleted by a hand. */
  accepted: RevisionData | undefined;
  /** The namespace is being deleted: nothing can be made in it any more. */
  ending: boolean;
  /** Of the planner; undefined before its first plan. */
  plan: Memory | undefined;
  /** Written last by this process. */
  table: TrafficTable | undefined;
  /** The newest revision that all ready pods were seen to follow. */
  inForce: number | undefined;
  /** The newest revision that all gateways were seen to follow. */
  routed?: number | undefined;
  /**
   * What the API server made of an apply, by object, where that is not what was asked for (an admission webhook writes
   * into it): the hash of what was applied and the version that came of it. Applying it again would change nothing.
   */
  settled: Map<string, { hash: string; resourceVersion: string; generation: number | undefined }>;
  /** Objects whose names were found to be somebody else's: asked for before they are written. */
  foreign: Set<string>;
  /** Versions of pods whose digest was compared, by UID of the pod: the number of restarts then. */
  checkedDigests: Map<string, number>;
  /** Pods whose annotation was touched for a revision of the table, by UID. */
  touched: Map<string, { revision: number; at: number; times: number }>;
  /** What was rendered last, and of what. */
  made: { of: string; data: RevisionData; options: RenderOptions; made: Made } | undefined;
  /** When the first status is to be written at the latest; undefined before the first whole pass has ended. */
  firstTold?: number | undefined;
  /** Until when a status waits for a digest that it is to tell; undefined where none is to come. */
  digestBy?: number | undefined;
  /** The last pass stopped halfway. */
  halfway?: boolean | undefined;
  /** Since when the status has to change, though not urgently; undefined where it has not. */
  newsSince?: number | undefined;
  /** Since when a first start no longer stands in line; undefined while it does. */
  reachedSince?: number | undefined;
  /** Since when a version could stand behind the public Service; undefined where none can. */
  enterableSince?: number | undefined;
  /** When the status was written last. */
  statusAt: number;
  /** Where the rollout stands, as this process stored it last, and the resourceVersion that this made. */
  stored: { version: string; state: RolloutStatus | undefined } | undefined;
  /** The hash of what is asked for. */
  target: { data: RevisionData; hash: string } | undefined;
  analysis: AnalysisMemory;
  /** Inputs and outputs by version, as its pods reported them. */
  signatures: Map<string, Signature>;
}

export function newMemory(uid: string, now: number): KeyMemory {
  return {
    uid,
    firstSeen: now,
    accepted: undefined,
    ending: false,
    plan: undefined,
    table: undefined,
    inForce: undefined,
    settled: new Map(),
    foreign: new Set(),
    checkedDigests: new Map(),
    touched: new Map(),
    made: undefined,
    statusAt: Number.NEGATIVE_INFINITY,
    stored: undefined,
    target: undefined,
    analysis: new AnalysisMemory(),
    signatures: new Map(),
  };
}
