/** What rendering starts from: who is rendered, what is to run, and how this installation does things. */
import type { Launch } from '../../api/launch.ts';
import { API_VERSION, KIND, type ModelDeployment, type Version } from '../../api/model-deployment.ts';
import type { Serving } from '../../api/serving.ts';
import type { TrafficTable } from '../../api/traffic-table.ts';
import { labels } from './labels.ts';
import type { Metadata, OwnerReference } from './objects.ts';

/** One version as it is to run now, listed in the spec or still serving. */
export interface PlannedVersion {
  name: string;
  model: { uri: string; sha256?: string | undefined };
  /** What must be answered rightly before it is ready. */
  golden?: Version['golden'];
  /** Override over ModelDeployment, merged (`effectiveServing`). */
  serving: Serving;
  /** Replicas to run; under autoscaling the fewest that its share needs. 0 while it waits to be removed. */
  replicas: number;
  /** Whether the traffic table names its address: others may send requests to it. */
  reachable: boolean;
  /**
   * Whether the cluster has a free place for one pod more, where that was seen. Decides how a version on GPUs of its own
   * is updated; see `strategyOf`.
   */
  room?: 'free' | 'none' | undefined;
  /**
   * What stands behind its headless Service: `coming` while its ready pods are not there yet. Left out where nobody knows.
   * Decides what a gateway may be told to send it.
   */
  endpoints?: 'ready' | 'coming' | 'none' | undefined;
}

export interface RenderPlan {
  /** The version behind the public Service: the primary, or another while the primary has no ready pod. */
  door: string;
  /** Shares and ranges at one revision. Addresses are filled in from the names of the objects. */
  table: TrafficTable;
  /** In the order of the list. */
  versions: readonly PlannedVersion[];
}

/** Who may connect, as `from` of a NetworkPolicy takes it. A list left out admits everyone. */
export interface NetworkPolicyOptions {
  clients?: readonly object[] | undefined;
  /** Pods of a gateway, which reach direct ports. */
  gateways?: readonly object[] | undefined;
  /** The operator and Prometheus, which read the admin port. */
  admins?: readonly object[] | undefined;
}

export interface TracingOptions {
  /** Of OTLP/HTTP, without `/v1/traces`. */
  endpoint: string;
  /** 0 to 1. */
  ratio: number;
}

/** The installation's say. */
export interface RenderOptions {
  runtimeImage: string;
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never' | undefined;
  /** For that image, where a ModelDeployment names none; Secrets of its namespace. */
  imagePullSecrets?: readonly { name: string }[] | undefined;
  /** Where the ModelDeployment lives; by default what its metadata say. */
  namespace?: string | undefined;
  /** `group/version`, and `group/version/kind`, of the optional kinds that the cluster serves. Left out, all are there. */
  servedApis?: ReadonlySet<string> | undefined;
  logLevel?: Launch['logLevel'] | undefined;
  /** Where models send traces to, and the share of those that begin at them. Left out, none. */
  tracing?: TracingOptions | undefined;
  /** Longest time to fetch, open and warm up a model before the pod is started again, seconds. */
  startupSeconds?: number | undefined;
  /** How long a pod goes on answering while endpoints, DNS and other pods forget it, seconds. */
  drainSeconds?: number | undefined;
  networkPolicy?: NetworkPolicyOptions | undefined;
  podMonitor?: { interval?: string | undefined; labels?: Record<string, string> | undefined } | undefined;
}

/** Half an hour: 100 GB at 60 MB/s. */
export const STARTUP_SECONDS = 1_800;
/** Three times the 5 s that a DNS answer lives and that pods resolve again after. */
export const DRAIN_SECONDS = 15;

/** The ModelDeployment as the owner of what is rendered. */
export interface Subject {
  model: string;
  namespace: string | undefined;
  owner: OwnerReference | undefined;
}

export function subjectOf(md: ModelDeployment, options: RenderOptions): Subject {
  const { name, namespace, uid } = md.metadata;
  return {
    model: name,
    namespace: options.namespace ?? namespace,
    owner:
      typeof uid === 'string' && uid !== ''
        ? { apiVersion: API_VERSION, kind: KIND, name, uid, controller: true, blockOwnerDeletion: true }
        : undefined,
  };
}

/** Metadata of an object of the model, or of one version of it. */
export function metadata(subject: Subject, name: string, version?: string): Metadata {
  return {
    name,
    namespace: subject.namespace,
    labels: labels(subject.model, version),
    ownerReferences: subject.owner && [subject.owner],
  };
}

export function isServed(options: RenderOptions, api: string): boolean {
  return options.servedApis?.has(api) ?? true;
}

/** Why something cannot be rendered as it is asked for (`error`), or will not work as it stands (`warning`). */
export interface RenderProblem {
  severity: 'error' | 'warning';
  /** One word for machines: the reason of a condition. */
  reason: string;
  message: string;
  /** Where in the ModelDeployment, such as `spec.versions[v2].model.uri`. */
  path: string;
}

export function pathOf(version: string, field: string): string {
  return `spec.versions[${version}].${field}`;
}
