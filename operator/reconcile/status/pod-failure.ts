/** Why a pod is not ready, in its own words. */
import type { Serving } from '../../../api/serving.ts';
import type { ReportRead } from '../../evidence/reports.ts';
import { CONTAINER } from '../../render/container.ts';
import { canonicalQuantity } from '../../render/quantity.ts';
import { type ContainerState, type ContainerStatus, isReady, type Pod } from '../pod.ts';
import { type Failure, foremost } from './failure.ts';
import { lastWords } from './last-words.ts';
import type { FailureReason } from './reasons.ts';
import { cut, oneLine } from './words.ts';

type Terminated = NonNullable<ContainerState['terminated']>;

/** The kubelet's words for a container that does not start, by what there is to do. */
const WAITING: Readonly<Record<string, FailureReason>> = {
  ErrImagePull: 'ImagePullBackOff',
  ImagePullBackOff: 'ImagePullBackOff',
  ImageInspectError: 'ImagePullBackOff',
  RegistryUnavailable: 'ImagePullBackOff',
  SignatureValidationFailed: 'ImagePullBackOff',
  InvalidImageName: 'InvalidImageName',
  ErrImageNeverPull: 'ErrImageNeverPull',
  CreateContainerConfigError: 'CreateContainerConfigError',
  CreateContainerError: 'CreateContainerError',
  RunContainerError: 'CreateContainerError',
  PostStartHookError: 'CreateContainerError',
};

/** The container never ran. */
const NOT_STARTED = ['StartError', 'ContainerCannotRun'];
/** A container that is started again later than this after its end was made to wait, so it had failed before, ms. */
const BACKED_OFF_MS = 5_000;
const WORDS = 1_024;

/** Undefined for a pod that is ready, is leaving, or has nothing to say. */
export function podFailure(pod: Pod, report: ReportRead | undefined, serving: Serving): Failure | undefined {
  if (pod.metadata.deletionTimestamp || isReady(pod)) return undefined;
  if (isOver(pod)) return givenUp(pod);
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status;
  const containers = [...containerStatuses, ...initContainerStatuses];
  const load = report?.ok ? report.report.load.failure : undefined;
  if (load) {
    const own = containerStatuses.find(({ name }) => name === CONTAINER);
    return loadFailed(pod, load.code, cut(oneLine(load.message), WORDS), own !== undefined && repeats(own, true));
  }
  const failures = containers.map((container) => containerFailure(pod, container, serving));
  return foremost(failures.filter((failure) => failure !== undefined));
}

/** Whether the pod has ended for good; the Deployment makes another. */
export function isOver({ status }: Pod): boolean {
  return status.phase === 'Failed' || status.phase === 'Succeeded';
}

function givenUp(pod: Pod): Failure | undefined {
  const { phase, reason = 'Failed', message = '' } = pod.status;
  if (phase !== 'Failed') return undefined;
  return failed(pod, 'PodFailed', [reason, cut(oneLine(message), WORDS)].filter(Boolean).join(': '), false);
}

function containerFailure(pod: Pod, container: ContainerStatus, serving: Serving): Failure | undefined {
  const { state = {}, lastState, ready, name } = container;
  if (ready || state.terminated?.exitCode === 0) return undefined;
  const reason = WAITING[state.waiting?.reason ?? ''];
  if (reason) return failed(pod, reason, waitingWords(reason, state.waiting?.message), true, name);
  const ended = state.terminated ?? lastState?.terminated;
  if (ended && ended.exitCode !== 0 && !wasReadySince(pod, state)) {
    return endedBadly(pod, container, ended, serving);
  }
  if (state.waiting?.reason !== 'CrashLoopBackOff') return undefined;
  return failed(pod, 'ContainerFailed', 'the container ends again and again', true, name);
}

/** `Back-off pulling image "X": ErrImagePull: why` and `why` take turns; both say why. */
function waitingWords(reason: FailureReason, message = ''): string {
  const [, image, why] = /^Back-off pulling image "([^"]*)"(?:: ErrImagePull: )?(.*)$/s.exec(message) ?? [];
  const said = why || (image && `the image ${image} cannot be pulled`) || message;
  return cut(oneLine(said), WORDS) || reason;
}

function endedBadly(pod: Pod, container: ContainerStatus, ended: Terminated, serving: Serving): Failure {
  const { name } = container;
  const ours = name === CONTAINER;
  const { code, words } = lastWords(ended.message ?? '', ours);
  const lasting = repeats(container, code !== undefined);
  if (ended.reason === 'OOMKilled') {
    const limit = ours ? serving.resources?.limits?.memory : undefined;
    const while_ = code === 'LOAD_DIED' ? ' while it opened the model' : '';
    const of = limit === undefined ? '' : ` (the limit is ${canonicalQuantity(limit)})`;
    return failed(pod, 'OOMKilled', `the container was killed for memory${while_}${of}`, lasting, name);
  }
  if (NOT_STARTED.includes(ended.reason ?? '')) {
    return failed(pod, 'CreateContainerError', words || 'the container could not be started', lasting, name);
  }
  if (code) return loadFailed(pod, code, words, lasting);
  const how = `the container ended with exit code ${ended.exitCode}${SIGNALS[ended.exitCode] ?? ''}`;
  return failed(pod, 'ContainerFailed', words ? `${how}: ${words}` : how, lasting, name);
}

const SIGNALS: Readonly<Record<number, string>> = { 134: ' (aborted)', 137: ' (killed)', 139: ' (crashed)' };

/**
 * Whether the container failed more than once in a row. A restart count alone does not tell: it may have grown over
 * months. The kubelet restarts a container at once after the first end and makes it wait after the next ones.
 */
function repeats({ state = {}, lastState, restartCount }: ContainerStatus, coded: boolean): boolean {
  if (state.waiting?.reason === 'CrashLoopBackOff') return true;
  if (!state.running) return restartCount >= (coded ? 1 : 2);
  const gap = Date.parse(state.running.startedAt ?? '') - Date.parse(lastState?.terminated?.finishedAt ?? '');
  return Number.isNaN(gap) ? restartCount >= 2 : gap >= BACKED_OFF_MS;
}

/** Whether the pod was ready since the container started: then what ended it before is over. */
function wasReadySince(pod: Pod, { running }: ContainerState): boolean {
  const ready = pod.status.conditions?.find(({ type }) => type === 'Ready');
  const since = Date.parse(ready?.lastTransitionTime ?? '') - Date.parse(running?.startedAt ?? '');
  // The kubelet notes the end of the old container about when it starts the new one.
  return since > BACKED_OFF_MS;
}

function loadFailed(pod: Pod, code: string, words: string, lasting: boolean): Failure {
  return { ...failed(pod, 'LoadFailed', words, lasting), code: code.slice(0, 64) };
}

function failed(pod: Pod, reason: FailureReason, words: string, lasting: boolean, container = CONTAINER): Failure {
  const { name } = pod.metadata;
  const which = container === CONTAINER ? '' : `, container ${container}`;
  const message = `pod ${name}${which}: ${words}`;
  return { reason, code: reason, message, lasting, pod: name, ...(which ? { container } : {}) };
}
