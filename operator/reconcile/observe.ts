/** What the rollout engine is told of a version beside its replicas: why it fails, how often it ended, what it takes and gives. */
import type { ModelDeploymentSpec } from '../../api/model-deployment.ts';
import type { ObservedVersion, Signature } from '../../core/model.ts';
import type { ReportRead } from '../evidence/reports.ts';
import { CONTAINER } from '../render/container.ts';
import { customNames, reportAge } from './analysis.ts';
import type { RunVersion } from './decide.ts';
import type { RolloutWants } from './evidence.ts';
import type { Gathered } from './gather.ts';
import type { KeyMemory } from './key-memory.ts';
import type { ContainerStatus, Pod } from './pod.ts';
import { type Failure, foremost } from './status/failure.ts';
import { podFailure } from './status/pod-failure.ts';

type Known = ReadonlyMap<string, ReportRead>;
export type VersionTrouble = Pick<ObservedVersion, 'failure' | 'exits' | 'lastExit' | 'signature'>;

/**
 * Failures that are the version's own. What a cluster or a person may still mend (no node, no image, a quota, a Secret
 * that is missing) is waited for, until the rollout's progressDeadline.
 */
const OWN_FAILURES: readonly Failure['reason'][] = ['LoadFailed', 'OOMKilled', 'ContainerFailed'];
/** Of a model that does not load, the codes of what may be mended elsewhere. */
const MAY_PASS: readonly string[] = ['MODEL_UNREACHABLE', 'MODEL_FORBIDDEN', 'INTERNAL'];

export function troubleOf(
  version: RunVersion,
  gathered: Gathered,
  known: Known,
  signature?: Signature,
): VersionTrouble {
  const pods = (gathered.pods.get(version.name) ?? []).filter(({ metadata }) => !metadata.deletionTimestamp);
  const failure = ownFailure(version, pods, known);
  const ends = pods.flatMap(endsOf);
  const exits = pods.reduce((sum, pod) => sum + restartsOf(pod), 0);
  const last = ends.toSorted((a, b) => b.at - a.at)[0];
  return {
    ...(failure && { failure: { code: failure.code, message: failure.message } }),
    ...(pods.length > 0 && { exits }),
    ...(last && { lastExit: last.words }),
    ...(signature && { signature }),
  };
}

function ownFailure({ serving }: RunVersion, pods: readonly Pod[], known: Known): Failure | undefined {
  const found = pods.flatMap((pod) => podFailure(pod, known.get(pod.metadata.uid), serving) ?? []);
  return foremost(
    found.filter(({ lasting, reason, code }) => lasting && OWN_FAILURES.includes(reason) && !MAY_PASS.includes(code)),
  );
}

const ours = ({ status }: Pod): ContainerStatus[] =>
  (status.containerStatuses ?? []).filter(({ name }) => name === CONTAINER);

/** Of the runtime's container: a sidecar that ends is none of the model's doing. */
function restartsOf(pod: Pod): number {
  return ours(pod).reduce((sum, { restartCount }) => sum + restartCount, 0);
}

/** When its process ended last, and how: `pod digits-v3-x: exit code 137, OOMKilled`. */
function endsOf(pod: Pod): { at: number; words: string }[] {
  return ours(pod).flatMap(({ state, lastState }) => {
    const ended = state?.terminated ?? lastState?.terminated;
    if (!ended) return [];
    const why = ended.reason && ended.reason !== 'Error' && ended.reason !== 'Completed' ? `, ${ended.reason}` : '';
    const words = `pod ${pod.metadata.name}: exit code ${ended.exitCode}${why}`;
    return [{ at: Date.parse(ended.finishedAt ?? '') || 0, words }];
  });
}

/**
 * Inputs and outputs of each version as its pods report them, added to what is known: a version's model does not change.
 * Forgets versions that are not run any more.
 */
export function noteSignatures(
  signatures: Map<string, Signature>,
  versions: readonly RunVersion[],
  gathered: Gathered,
  known: Known,
): void {
  for (const name of signatures.keys()) if (!versions.some((v) => v.name === name)) signatures.delete(name);
  for (const { name } of versions) {
    for (const pod of gathered.pods.get(name) ?? []) {
      const read = known.get(pod.metadata.uid);
      if (read?.ok && read.report.version === name && read.report.signature)
        signatures.set(name, read.report.signature);
    }
  }
}

/** How old the report of a pod may be that is asked for its inputs and outputs, ms. */
const UNSIGNED_MS = 1_000;
const UNSIGNED_AT_REST_MS = 10_000;

/** What the rollout wants of pods' reports: the evidence of a window that is open, and what each version takes and gives. */
export function rolloutWants(
  spec: ModelDeploymentSpec,
  versions: readonly RunVersion[],
  walking: boolean,
  { analysis: { window, analysis }, signatures }: KeyMemory,
): RolloutWants {
  const open = window && analysis;
  const unsigned = spec.rollout || walking ? versions.filter(({ name }) => !signatures.has(name)) : [];
  return {
    ...(open && { maxAgeMs: reportAge(open), custom: customNames(open) }),
    unsigned: new Set(unsigned.map(({ name }) => name)),
    unsignedMs: walking ? UNSIGNED_MS : UNSIGNED_AT_REST_MS,
  };
}
