/** One version: its phase, its counts, what its newest pod does, and why it does not come up. */
import type { RolloutStatus, Status } from '../../../api/status.ts';
import { percentOf } from '../../../api/units.ts';
import type { ReportRead } from '../../evidence/reports.ts';
import { isReady, type Pod } from '../pod.ts';
import type { DeploymentFacts, NodeFacts, VersionFacts } from './facts.ts';
import { type Failure, foremost } from './failure.ts';
import { isOver, podFailure } from './pod-failure.ts';
import { unschedulable } from './scheduling.ts';
import { cut, oneLine, shortDigest } from './words.ts';

export type VersionStatus = NonNullable<Status['versions']>[number];
export type Phase = VersionStatus['phase'];

export interface VersionView {
  facts: VersionFacts;
  ready: number;
  /** Whether all wanted replicas are ready, and are those of the present settings. */
  complete: boolean;
  failure: Failure | undefined;
  model: VersionStatus['model'];
}

export interface Surroundings {
  nodes: readonly NodeFacts[];
  /** RFC 3339. */
  now: string;
}

export function viewOf(facts: VersionFacts, { nodes, now }: Surroundings): VersionView {
  const { deployment, replicas, serving, reports } = facts;
  // A container that is being deleted may well fail; nobody waits for it.
  const pods = newestFirst(facts.pods.filter(({ metadata }) => !metadata.deletionTimestamp));
  const ready = deployment ? deployment.readyReplicas : pods.filter(isReady).length;
  const complete = ready >= replicas && isUpdated(deployment, replicas);
  const failures = pods
    // Pods that were given up lie about long after others took their place.
    .filter((pod, index) => !isOver(pod) || !(complete || pods.slice(0, index).some(isReady)))
    .flatMap((pod) => [
      digestFailure(facts, pod),
      podFailure(pod, reports.get(pod.metadata.name), serving),
      unschedulable(pod, serving, nodes, now),
    ])
    .filter((failure) => failure !== undefined);
  const short = complete ? undefined : deployment;
  const late = short !== undefined && hasPassedDeadline(short);
  const refused = short && refusal(short);
  const found = foremost(refused ? [...failures, refused] : failures) ?? (late ? deadline(short) : undefined);
  const failure = found && { ...found, lasting: found.lasting || late };
  return { facts, ready, complete, failure, model: modelState(pods, reports, failure) };
}

/** @param share basis points of the table; undefined without a table. @param inForce basis points, where known */
export function versionStatus(
  view: VersionView,
  share: number | undefined,
  inForce: number | undefined,
  previous: VersionStatus | undefined,
  rollout?: RolloutStatus,
): VersionStatus {
  const { facts, ready, model } = view;
  const failure = view.failure ?? (facts.withdrawn ? withdrawal(facts.name, previous, rollout) : undefined);
  return {
    name: facts.name,
    phase: phaseOf(view, previous),
    replicas: facts.replicas,
    readyReplicas: ready,
    ...(share === undefined ? {} : { traffic: percentOf(share) }),
    ...(inForce === undefined ? {} : { trafficInForce: percentOf(inForce) }),
    ...(facts.digest === undefined ? {} : { digest: facts.digest.slice(0, 128) }),
    ...(model === undefined ? {} : { model }),
    ...(failure ? { failure: { code: failure.code, message: cut(failure.message, 4_096) } } : {}),
  };
}

/** Why it was taken back; kept when its pods, which said it, are gone. */
function withdrawal(
  name: string,
  previous: VersionStatus | undefined,
  rollout: RolloutStatus | undefined,
): VersionStatus['failure'] {
  const { phase, reason, message, from = {}, to = {} } = rollout ?? {};
  // Of one that was to gain nothing by the walk it says nothing.
  if (phase !== 'RolledBack' || !reason || !message || (to[name] ?? 0) <= (from[name] ?? 0)) return previous?.failure;
  // The engine tells a failure of the version's own as `NAME: CODE: MESSAGE`.
  const [, version, code] = /^(\S+): ([A-Za-z][A-Za-z0-9_]{0,63}): /.exec(message) ?? [];
  const own = reason === 'VersionFailed' && version === name ? code : undefined;
  return { code: own ?? reason, message };
}

/**
 * A version with fewer replicas ready than wanted is Degraded when it once had enough, and Starting while it comes up or
 * grows. So the phase depends on the one before; the same facts again give the same phase.
 */
function phaseOf({ facts, ready, complete, failure }: VersionView, previous: VersionStatus | undefined): Phase {
  const { listed, replicas, pods } = facts;
  if (facts.withdrawn) return 'Withdrawn';
  if (!listed) return 'Retiring';
  if (failure?.lasting) return ready > 0 ? 'Degraded' : 'Failed';
  if (complete) return failure ? 'Degraded' : 'Ready';
  const hadEnough = previous?.phase === 'Ready' || previous?.phase === 'Degraded';
  if (hadEnough && ready > 0 && ready < replicas && replicas <= (previous.replicas ?? 0)) return 'Degraded';
  const scheduled = pods.some(({ spec, metadata }) => spec.nodeName !== undefined && !metadata.deletionTimestamp);
  return ready > 0 || scheduled ? 'Starting' : 'Pending';
}

/** Whether all replicas are those of the template as it stands, and none of another is left. */
function isUpdated(deployment: DeploymentFacts | undefined, wanted: number): boolean {
  if (!deployment || deployment.observedGeneration < deployment.generation) return false;
  const { updatedReplicas, replicas } = deployment;
  return updatedReplicas >= wanted && replicas <= updatedReplicas;
}

/** How far it is, in words: `v2: 1 of 2 replicas ready; loading the model`. For a version that is not complete. */
export function progressOf({ facts, ready, model }: VersionView): { updating: boolean; words: string } {
  const { name, replicas, deployment, pods } = facts;
  const says = (words: string, updating = false) => ({ updating, words: `${name}: ${words}` });
  if (!deployment) return says('its Deployment is not there yet');
  if (ready < replicas) {
    const counts = `${ready} of ${replicas} ${replicas === 1 ? 'replica' : 'replicas'} ready`;
    const doing = activity(pods, model);
    return says(doing ? `${counts}; ${doing}` : counts);
  }
  if (deployment.observedGeneration < deployment.generation) return says('its Deployment has just changed', true);
  const { updatedReplicas, replicas: all } = deployment;
  if (updatedReplicas < replicas) return says(`${updatedReplicas} of ${replicas} replicas have the new settings`, true);
  return says(`${all - updatedReplicas} old ${all - updatedReplicas === 1 ? 'replica' : 'replicas'} still to go`, true);
}

const ACTIVITY = {
  Pending: 'waiting for a node',
  Downloading: 'downloading the model',
  Loading: 'loading the model',
  Loaded: '',
  Failed: '',
} as const;

function activity(pods: readonly Pod[], model: VersionStatus['model']): string {
  if (model) return ACTIVITY[model];
  const waiting = pods.some(({ status }) => status.containerStatuses?.some(({ state }) => state?.waiting));
  return waiting ? 'the node is preparing the container' : '';
}

function newestFirst(pods: readonly Pod[]): Pod[] {
  const key = ({ metadata }: Pod): string => `${metadata.creationTimestamp} ${metadata.name}`;
  return pods.toSorted((a, b) => (key(a) > key(b) ? -1 : 1));
}

/** Of the newest pod. Without its report only what its conditions show; a model that may be loading is not said to be. */
function modelState(
  pods: readonly Pod[],
  reports: ReadonlyMap<string, ReportRead>,
  failure: Failure | undefined,
): VersionStatus['model'] {
  const newest = pods.find((pod) => !isOver(pod));
  if (!newest) return undefined;
  if (isReady(newest)) return 'Loaded';
  const read = reports.get(newest.metadata.name);
  if (read?.ok) return read.report.load.state;
  if (newest.spec.nodeName === undefined) return 'Pending';
  return failure?.reason === 'LoadFailed' && failure.pod === newest.metadata.name ? 'Failed' : undefined;
}

/** A file that was replaced under its name. Where the spec states the digest, the runtime refuses the file itself. */
function digestFailure({ name, digest, digestStated, reports }: VersionFacts, pod: Pod): Failure | undefined {
  const read = reports.get(pod.metadata.name);
  const loaded = read?.ok ? read.report.load.digest : undefined;
  if (loaded === undefined || digest === undefined || loaded === digest) return undefined;
  const expected = digestStated ? `the spec of ${name} says` : `${name} was first served with`;
  return {
    reason: 'DigestChanged',
    code: 'DigestChanged',
    message: `pod ${pod.metadata.name} loaded sha256 ${shortDigest(loaded)}, ${expected} ${shortDigest(digest)}`,
    lasting: true,
    pod: pod.metadata.name,
  };
}

function hasPassedDeadline({ conditions }: DeploymentFacts): boolean {
  return conditions.some(
    ({ type, status, reason }) => type === 'Progressing' && status === 'False' && reason === 'ProgressDeadlineExceeded',
  );
}

function refusal(deployment: DeploymentFacts): Failure | undefined {
  const refused = deployment.conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (!refused) return undefined;
  const { message = 'its pods cannot be made' } = refused;
  return deploymentFailure(deployment, /exceeded quota/.test(message) ? 'QuotaExceeded' : 'PodsRefused', message);
}

function deadline(deployment: DeploymentFacts): Failure {
  return deploymentFailure(deployment, 'ProgressDeadlineExceeded', 'its pods did not get ready in time');
}

function deploymentFailure({ name }: DeploymentFacts, reason: Failure['reason'], words: string): Failure {
  const message = cut(`Deployment ${name}: ${oneLine(words)}`, 1_024);
  return { reason, code: reason, message, lasting: true };
}
