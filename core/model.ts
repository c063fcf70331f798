/** What the planner speaks of: versions, sizes, shares. No Kubernetes objects, no processes, no clock. */
import type { TensorMetadata } from '../api/pod-report.ts';
import type { Observe, Range, TableVersion, TrafficTable } from '../api/traffic-table.ts';

export interface DesiredVersion {
  name: string;
  /** Share of requests that is asked for, basis points. */
  share: number;
  /** Requests to copy to it, basis points. */
  shadow: number;
  /** Replicas. Where something else moves the number (an autoscaler), the fewest. */
  size: number;
  /** Something else moves the number by its load, and `size` is only the floor. */
  elastic?: boolean;
  /** Replicas that must be ready before it takes more traffic than it has; `size` when left out. */
  needed?: number;
  /**
   * Most replicas of one that is elastic. With it the rollout engine works out `needed` for the share of each step; without
   * it `needed` stays what it was given as.
   */
  max?: number;
  /** SHA-256 that its model must have, where known: put into the next table that is written for another reason. */
  digest?: string | undefined;
  /** Some process has another model than `digest`: reason enough to write a table. */
  digestDiffers?: boolean | undefined;
  /**
   * No longer listed, or taken back: it serves what it serves until the split that lacks it takes effect, then it
   * retires. With a share, as in the middle of a rollout, it goes on as any other.
   */
  dropped?: boolean;
  /** Is tried in a rollout: when all is started again it does not stand in for what is still loading. */
  trial?: boolean;
}

export interface Desired {
  /** Name of the ModelDeployment. */
  model: string;
  /** In the order of the list; those that are dropped but still exist come with it. Shares sum to 10,000. */
  versions: readonly DesiredVersion[];
  cohort?: { header: string } | undefined;
  /** The version that is compared with and stands behind the door; the one with the largest share when left out. */
  primary?: string | undefined;
  /** What pods are to observe for an analysis. */
  observe?: Observe | undefined;
  /**
   * Back to what was served: whoever gains takes its share with one ready replica; for one that has none, the largest that
   * is ready stands in.
   */
  urgent?: boolean | undefined;
  /** How long a version outlives its last traffic, ms. */
  retireAfterMs: number;
}

export interface ObservedVersion {
  name: string;
  /** Whether anything of it runs or is being started. */
  exists: boolean;
  /** Replicas that are loaded and warm. */
  readyReplicas: number;
  /** Replicas that were last asked for. */
  size?: number | undefined;
  /** Why it cannot become ready by waiting: its model does not load, its golden requests fail. */
  failure?: { code: string; message: string } | undefined;
  /** Exits of its processes (restarts of its containers) that are known. */
  exits?: number | undefined;
  /** The last of these exits, in words. */
  lastExit?: string | undefined;
  /** Inputs and outputs as a process of it reports them; absent while none has said. */
  signature?: Signature | undefined;
  /** Where its direct ports are, or were when it was last ready. */
  address?: TableVersion['address'];
}

export interface Observed {
  versions: readonly ObservedVersion[];
  /** The table that was last written. */
  table?: TrafficTable | undefined;
  /** Whether every ready process reports that table's revision. */
  inForce: boolean;
  /** The version behind the public door now. */
  door?: string | undefined;
  /** Whether the split has ever been served by a ready version; a first deployment has nothing to protect. */
  served?: boolean | undefined;
  /**
   * Shares (basis points) that were in force before all was started again, while they are not served yet; absent where nothing
   * of it can be started any more.
   */
  before?: Readonly<Record<string, number>> | undefined;
}

export interface Signature {
  inputs: readonly TensorMetadata[];
  outputs: readonly TensorMetadata[];
}

/** Slots by version. */
export type Split = readonly { name: string; ranges: readonly Range[] }[];

/** What one plan hands to the next. JSON. */
export interface Memory {
  /** Until every version of the first split has been ready once. */
  starting?:
    | {
        /** Slots of the split that is being started; from an earlier life, so that cohorts find their versions again. */
        base?: Split | undefined;
        /** Versions that have been ready since the start. */
        joined: readonly string[];
      }
    | undefined;
  /** Versions that lost traffic: `at` is when the table that takes it from them was first in force everywhere. */
  lost: Readonly<Record<string, { at?: number }>>;
}

/** The memory of a planner that has planned nothing. @param base the split of an earlier life */
export function firstMemory(base?: Split): Memory {
  return { starting: { base, joined: [] }, lost: {} };
}

export interface Plan {
  /** What must run, at which size. What exists and is neither here nor in `retire` is none of the planner's. */
  run: { name: string; size: number }[];
  /** The table to write; absent when the one that was written last still says all. */
  table?: TrafficTable;
  /** The version to put behind the public door; absent while none can stand there: leave the door where it is. */
  entry?: string;
  /** What may stop now: nobody sends it anything any more. */
  retire: string[];
  /** When to plan again though nothing has happened, ms of the same clock as `now`. */
  wakeAt?: number;
  /** Why the stated split is not in force, in sentences; empty when it is. */
  waiting: string[];
  memory: Memory;
}
