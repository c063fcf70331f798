/** All that a status is made of. Gathered by a pass; what is said of it is pure. */
import type { Serving } from '../../../api/serving.ts';
import type { Status } from '../../../api/status.ts';
import type { TrafficTable } from '../../../api/traffic-table.ts';
import type { ReportRead } from '../../evidence/reports.ts';
import type { RenderProblem } from '../../render/input.ts';
import type { Pod } from '../pod.ts';

export interface StatusFacts {
  generation: number;
  /** RFC 3339, for `lastTransitionTime`. */
  now: string;
  /** As it is stored. */
  previous: Status | undefined;
  /** Whether the spec as it stands now was taken. If not, `versions` and `table` speak of the one that was taken before. */
  acceptance: { ok: true } | { ok: false; reason: string; message: string };
  warnings: readonly RenderProblem[];
  /** Where requests go: the public Service. Absent while there is none. */
  url: string | undefined;
  /** The table that is to be in force; absent before anything was accepted. */
  table: TrafficTable | undefined;
  /** Whether all ready pods are known to follow it. */
  inForce: boolean;
  /** The version behind the public Service. */
  door: string | undefined;
  /** Why the stated split is not in force, in sentences; empty when it is. */
  waiting: readonly string[];
  /** In the order of the list; those that are leaving come last. */
  versions: readonly VersionFacts[];
  nodes: readonly NodeFacts[];
  /** Objects that are not as they must be. */
  objectProblems: readonly ObjectProblem[];
}

export interface VersionFacts {
  name: string;
  /** False: it is leaving. */
  listed: boolean;
  /** Share that is asked for, basis points. */
  share: number;
  serving: Serving;
  /** Replicas to run. Under autoscaling the size of the Deployment as the autoscaler set it. */
  replicas: number;
  /** Undefined while there is none. */
  deployment: DeploymentFacts | undefined;
  /** Of this version, those that are being deleted included. */
  pods: readonly Pod[];
  /** By name of the pod; only of pods that were asked. */
  reports: ReadonlyMap<string, ReportRead>;
  /** SHA-256 that counts: given by the spec, or the first that a pod reported. */
  digest: string | undefined;
  /** Whether `digest` comes from the spec. */
  digestStated: boolean;
}

export interface DeploymentFacts {
  name: string;
  generation: number;
  observedGeneration: number;
  /** Replicas of the Deployment's status. */
  replicas: number;
  updatedReplicas: number;
  readyReplicas: number;
  conditions: readonly { type: string; status: string; reason?: string; message?: string }[];
}

export interface NodeFacts {
  name: string;
  labels: Readonly<Record<string, string>>;
  /** Quantities as the node says them. */
  allocatable: Readonly<Record<string, string>>;
  unschedulable: boolean;
  ready: boolean;
}

export interface ObjectProblem {
  /** `Service digits`. */
  object: string;
  /** `NameTaken`, `ApplyFailed`, or the code of a KubeError. */
  reason: string;
  message: string;
  /** Whether waiting alone may mend it. */
  transient: boolean;
}
