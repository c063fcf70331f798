/** All that a status is made of. Gathered by a pass; what is said of it is pure. */
import type { Serving } from '../../../api/serving.ts';
import type { RolloutStatus, Status } from '../../../api/status.ts';
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
  /** Of a gateway, those that must be there; none where the pods split alone. */
  routes: readonly RouteFacts[];
  /** Objects that are not as they must be. */
  objectProblems: readonly ObjectProblem[];
  /** Absent before anything was accepted. */
  rollout?: RolloutFacts | undefined;
}

export interface RolloutFacts {
  /** Name of the ModelDeployment. */
  model: string;
  /** Undefined where nothing was ever walked. */
  state: RolloutStatus | undefined;
  /** What the walk waits for, in sentences. */
  waiting: readonly string[];
  /** What keeps a check from an answer, in sentences. */
  notes: readonly string[];
}

export interface VersionFacts {
  name: string;
  /** False: it is leaving. One that the spec no longer lists is not, as long as a rollout has it serve. */
  listed: boolean;
  /** Listed, and taken back by a rollout: it is not run. */
  withdrawn?: boolean;
  /** Share that is wanted, basis points. */
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

export interface RouteFacts {
  kind: 'HTTPRoute' | 'GRPCRoute';
  name: string;
  /** Absent while it is not there. */
  createdAt: string | undefined;
  /** Of the table whose shares it carries; absent where it carries others for a moment. */
  revision: number | undefined;
  parents: readonly ParentFacts[];
}

/** A gateway that a route attaches to. */
export interface ParentFacts {
  /** `Gateway public`, with namespace and listener where they are stated. */
  name: string;
  /** Whether it takes the route, and whether it finds what the route leads to; absent while it says nothing. */
  accepted: GatewayWord | undefined;
  resolved: GatewayWord | undefined;
}

export interface GatewayWord {
  holds: boolean;
  /** Not the same as not holding: it may not know yet. */
  refuses: boolean;
  /** Whether it speaks of the route as it is now. */
  current: boolean;
  reason: string;
  message: string;
  /** RFC 3339. */
  since: string;
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
