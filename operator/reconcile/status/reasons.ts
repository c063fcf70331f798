/**
 * The closed catalogue of reasons: of conditions, of failures of a version, of events. A reason is API:
 * `docs/reference/status.md` lists them all, and a test holds the two together.
 */
import type { KubeErrorCode } from '../../kube/error.ts';

export interface ReasonEntry {
  says: string;
  /** The next thing to do; empty when there is nothing to do. */
  todo: string;
}

type Entries = Readonly<Record<string, ReasonEntry>>;

/** Why a spec was taken or not: of Accepted, and of Ready and Stalled when it was not. */
export const ACCEPTANCE_REASONS = {
  Accepted: { says: 'The spec was taken.', todo: '' },
  AcceptedWithWarnings: {
    says: 'The spec was taken, but something in it will not work as it stands.',
    todo: 'read the message of Accepted',
  },
  VersionReused: {
    says: 'The name of a version stands for another model already.',
    todo: 'give the new model a version name of its own, or put back the model that the name stood for',
  },
  LocalModel: {
    says: 'The model is a file of a laptop, which no pod can read.',
    todo: 'put the model where the cluster can reach it, and name it by pvc://CLAIM/PATH or https://HOST/PATH',
  },
  InvalidModelUri: {
    says: 'The URI of a model does not name a file.',
    todo: 'write the URI as the message of Accepted says',
  },
  GpuLabelUnknown: {
    says: 'No node label is known that tells what is asked of the GPU.',
    todo: 'ask for the GPU by gpu.claim.selectors, pod.nodeSelector or pod.affinity instead',
  },
  ClaimNotServed: {
    says: 'gpu.claim needs Dynamic Resource Allocation, which this cluster does not serve.',
    todo: 'ask for the GPU by count, mig or shared, or have resource.k8s.io/v1 switched on in the cluster',
  },
  InvalidSpec: {
    says: 'Something else in the spec cannot be run; the message names it.',
    todo: 'correct the spec as the message of Accepted says, and apply it again',
  },
} as const satisfies Entries;

export const AVAILABLE_REASONS = {
  Serving: { says: 'A version that takes traffic has a ready replica.', todo: '' },
  NotServing: {
    says: 'No version that takes traffic has a ready replica, or there is no Service.',
    todo: 'look at the message of Ready, which names the cause',
  },
} as const satisfies Entries;

/** How far it is: of Ready, Reconciling and Stalled when nothing fails. */
export const PROGRESS_REASONS = {
  Ready: { says: 'All is as asked for.', todo: '' },
  Starting: { says: 'Replicas are coming up.', todo: '' },
  Updating: { says: 'Replicas are being replaced by ones of the new settings.', todo: '' },
  TrafficWaiting: { says: 'The stated split waits for a version to be ready.', todo: '' },
  TrafficMoving: { says: 'Not all pods are known to follow the new split yet.', todo: '' },
  Progressing: { says: 'Of Stalled=False: work goes on.', todo: '' },
  Stalled: {
    says: 'Of Reconciling=False, and as an event: waiting alone will not help.',
    todo: 'do what blockedBy says',
  },
} as const satisfies Entries;

/** Why a version does not come up: the code of its failure, except where the runtime gives one of its own. */
export const FAILURE_REASONS = {
  LoadFailed: {
    says: "The runtime could not load the model. The failure's code is the runtime's own (docs/errors.md).",
    todo: 'mend what the message says of the model',
  },
  DigestChanged: {
    says: 'A pod loaded another file than the version stands for.',
    todo: 'put the old file back, or add a version for the new one',
  },
  OOMKilled: {
    says: 'A container was killed for memory.',
    todo: 'raise resources.limits.memory of the version',
  },
  ContainerFailed: {
    says: 'A container ends with an error; kubectl shows CrashLoopBackOff when it repeats.',
    todo: 'read the log of the pod (kubectl logs --previous)',
  },
  ImagePullBackOff: {
    says: 'The image cannot be pulled.',
    todo: 'check the name of the image, the registry, and pod.imagePullSecrets',
  },
  InvalidImageName: { says: 'The name of the image is none.', todo: 'correct the name of the image' },
  ErrImageNeverPull: {
    says: 'The image is not on the node, and may not be pulled.',
    todo: 'load the image onto the nodes, or allow it to be pulled',
  },
  CreateContainerConfigError: {
    says: 'A Secret, ConfigMap or setting that the container needs is missing or wrong.',
    todo: 'make or correct what the message names',
  },
  CreateContainerError: {
    says: 'The node cannot start the container.',
    todo: 'mend what the message names; on GPU nodes check the driver and the RuntimeClass',
  },
  Unschedulable: {
    says: 'No node has room for a pod. Stalled after two minutes: an autoscaler of nodes may mend it before.',
    todo: 'free or add a node that fits, or ask for less',
  },
  QuotaExceeded: {
    says: 'A ResourceQuota allows no more pods of this size.',
    todo: 'raise the ResourceQuota of the namespace, or ask for less',
  },
  PodsRefused: {
    says: 'The API server refuses the pods: admission, Pod Security or a LimitRange.',
    todo: 'change the policy that the message names, or the pod fields of the version',
  },
  PodFailed: {
    says: 'The node gave a pod up (evicted, or not admitted) and the version is short of replicas.',
    todo: 'look at the node that the pod was on',
  },
  ProgressDeadlineExceeded: {
    says: 'The Deployment made no progress in its time, and no pod says why.',
    todo: 'look at the events and the log of the pods of the version (kubectl describe, kubectl logs)',
  },
} as const satisfies Entries;

const KUBE: Readonly<Record<KubeErrorCode, ReasonEntry>> = {
  NotFound: {
    says: 'The API server does not know the kind of an object, or its namespace.',
    todo: 'install what serves the kind that the message names',
  },
  AlreadyExists: { says: 'An object of that name came into being meanwhile; it is tried again.', todo: '' },
  Conflict: {
    says: 'Another writer holds a field of an object.',
    todo: 'have the writer that the message names let go of the object',
  },
  Expired: { says: 'What was known of an object was too old; it is tried again.', todo: '' },
  Invalid: {
    says: 'An object breaks a rule of its kind.',
    todo: 'correct the field of the ModelDeployment that the message points at',
  },
  Forbidden: {
    says: 'RBAC, admission or a quota refuses an object.',
    todo: "give the operator's ServiceAccount the right, or change the policy or quota that the message names",
  },
  Unauthorized: {
    says: "The API server does not take the operator's token.",
    todo: "check the operator's ServiceAccount and its token",
  },
  NamespaceTerminating: {
    says: 'The namespace is being deleted.',
    todo: 'wait until the namespace is gone, and make it again',
  },
  TooManyRequests: { says: 'The API server asks for patience; it is tried again.', todo: '' },
  Timeout: { says: 'The API server did not answer in time; it is tried again.', todo: '' },
  Unavailable: { says: 'The API server could not be reached; it is tried again.', todo: '' },
  NotLeader: { says: 'Another replica of the operator writes now.', todo: '' },
};

/** Of objects that are not as they must be. */
export const OBJECT_REASONS = {
  NameTaken: {
    says: 'An object of the name is there, and is not of this ModelDeployment.',
    todo: 'delete or rename the object that the message names, or rename the ModelDeployment',
  },
  ApplyFailed: { says: 'An object could not be written.', todo: 'read the message' },
  ...KUBE,
} as const satisfies Entries;

/** Of events only. */
export const EVENT_REASONS = {
  NotAccepted: { says: 'The spec was not taken; the message starts with the reason.', todo: 'do what blockedBy says' },
  VersionReady: { says: 'A version has all its replicas ready.', todo: '' },
  VersionRetiring: { says: 'A version is no longer listed and is leaving.', todo: '' },
  VersionRetired: { says: 'A version is gone.', todo: '' },
  TrafficMoved: { says: 'Another split is in force.', todo: '' },
  RolloutStarted: { says: 'A change of the split is being walked.', todo: '' },
  RolloutStep: { says: 'A step of the walk is in force: the pods follow it.', todo: '' },
  RolloutResumed: { says: 'A rollout that was paused goes on.', todo: '' },
  RolloutCompleted: { says: 'A rollout has come to its end.', todo: '' },
  CheckFailed: {
    says: 'A check of the analysis failed; the message has the numbers.',
    todo: 'look at the version that the message names',
  },
} as const satisfies Entries;

/** Of a rollout: of Ready, Reconciling and Stalled, and of events. */
export const ROLLOUT_REASONS = {
  RolloutProgressing: {
    says: 'A rollout is under way; the message says at which step, and what it waits for.',
    todo: '',
  },
  RolloutPaused: {
    says: 'A rollout stays at its step until somebody decides; the message says why.',
    todo: 'do what blockedBy says: modelship rollout approve, resume, promote or abort',
  },
  RolledBack: {
    says: 'A version was taken back because it failed a check or itself; the message has the numbers. What was served before is served.',
    todo: 'mend the version and ask for it under a new name, put back the spec of before, or modelship rollout retry',
  },
  RolloutAborted: {
    says: 'A rollout was aborted by hand. What was served before is served.',
    todo: 'ask for another split, or modelship rollout retry',
  },
} as const satisfies Entries;

/** Of the routes that a gateway is to follow. */
export const ROUTE_REASONS = {
  RouteWaiting: {
    says: 'A gateway has not accepted a route as it is now. Stalled when it says nothing at all for a minute.',
    todo: 'check that the gateway that the message names is there, and that the controller of its class runs',
  },
  RouteRefused: {
    says: 'A gateway refuses a route; the message has its words. The pods split what reaches the Service. Stalled after ten seconds.',
    todo:
      'mend what the gateway says of it (kubectl describe); a GRPCRoute needs a host name or a listener of its own, ' +
      'see routing.gateway.grpc',
  },
} as const satisfies Entries;

export const REASONS = {
  ...ACCEPTANCE_REASONS,
  ...AVAILABLE_REASONS,
  ...PROGRESS_REASONS,
  ...ROLLOUT_REASONS,
  ...ROUTE_REASONS,
  ...FAILURE_REASONS,
  ...OBJECT_REASONS,
  ...EVENT_REASONS,
} as const satisfies Entries;

export type Reason = keyof typeof REASONS;
export type FailureReason = keyof typeof FAILURE_REASONS;
export type AcceptanceReason = keyof typeof ACCEPTANCE_REASONS;
export type ObjectReason = keyof typeof OBJECT_REASONS;

/** What is not in the catalogue is InvalidSpec; its own word then starts the message. */
export function acceptanceReason(reason: string): AcceptanceReason | undefined {
  return Object.hasOwn(ACCEPTANCE_REASONS, reason) ? (reason as AcceptanceReason) : undefined;
}

/** What is not in the catalogue is ApplyFailed; its own word then starts the message. */
export function objectReason(reason: string): ObjectReason | undefined {
  return Object.hasOwn(OBJECT_REASONS, reason) ? (reason as ObjectReason) : undefined;
}

export function isFailureReason(reason: string): reason is FailureReason {
  return Object.hasOwn(FAILURE_REASONS, reason);
}
