/** What happened between two statuses: whether it can wait to be written, and what is worth an Event. */
import { CONDITION_TYPES, type Condition, type Status } from '../../../api/status.ts';
import { sameJson } from '../../../core/equal.ts';
import { conditionIn } from './conditions.ts';
import { isFailureReason, objectReason, type Reason } from './reasons.ts';
import type { VersionStatus } from './version-status.ts';
import { cutBytes } from './words.ts';

export interface StatusEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/** What an Event takes, bytes. */
const NOTE_BYTES = 1_024;

/**
 * Whether the change must be written at once, or may wait a few seconds for more of its kind (counts, states of models,
 * wording). A digest that a ready pod told is urgent: later files are held against it, and it is kept nowhere else. Not
 * so on the first start, where "it is ready" brings it.
 */
export function isUrgent(previous: Status | undefined, next: Status): boolean {
  if (!previous || !sameJson(essence(previous), essence(next))) return true;
  return !isFirstStart(previous, next) && (next.versions ?? []).some((version) => isPinned(previous, version));
}

function isPinned(previous: Status, { name, digest, readyReplicas = 0 }: VersionStatus): boolean {
  return readyReplicas > 0 && digest !== versionIn(previous, name)?.digest;
}

/**
 * Whether both tell of a ModelDeployment that was never Ready since it was accepted, and nothing new is in its way. Times are
 * of whole seconds: one that is walked was Ready, though all of it may have come in one of them.
 */
export function isFirstStart(previous: Status, next: Status): boolean {
  if (previous.rollout || next.rollout) return false;
  const ready = conditionIn(next.conditions, 'Ready');
  const accepted = conditionIn(next.conditions, 'Accepted');
  if (ready?.status !== 'False' || accepted?.status !== 'True') return false;
  return ready.lastTransitionTime <= accepted.lastTransitionTime && previous.blockedBy === next.blockedBy;
}

function essence({ observedGeneration, conditions, traffic, versions = [], rollout }: Status): unknown {
  return {
    observedGeneration,
    conditions: CONDITION_TYPES.map((type) => conditionIn(conditions, type)?.status),
    traffic,
    versions: Object.fromEntries(versions.map(({ name, failure }) => [name, { code: failure?.code }])),
    // What is decided is stored before it is done; here the numbers of its checks may wait.
    rollout: rollout && [rollout.id, rollout.phase, rollout.step, rollout.since],
  };
}

/** In the order in which they are told; none twice. */
export function eventsOf(previous: Status | undefined, next: Status): StatusEvent[] {
  const events = [
    ...acceptanceEvents(previous, next),
    ...(next.versions ?? []).flatMap((version) => versionEvents(versionIn(previous, version.name), version)),
    ...retired(previous, next),
    ...trafficEvents(previous, next),
    ...flips(previous, next),
  ];
  events.push(...stalledEvents(previous, next, events));
  const kept = new Map(
    worthTelling(events, previous).map((event) => [`${event.type} ${event.reason} ${event.message}`, event]),
  );
  return [...kept.values()];
}

/** `Ready` says in one sentence what a start as a whole would say in five. */
function worthTelling(events: readonly StatusEvent[], previous: Status | undefined): readonly StatusEvent[] {
  if (previous?.traffic !== undefined || !events.some(({ reason }) => reason === 'Ready')) return events;
  return events.filter(({ reason }) => !['VersionReady', 'TrafficMoved', 'Serving'].includes(reason));
}

function event(type: StatusEvent['type'], reason: Reason, message: string): StatusEvent {
  return { type, reason, message: cutBytes(message, NOTE_BYTES) };
}

function pairOf(previous: Status | undefined, next: Status, type: Condition['type']) {
  const after = conditionIn(next.conditions, type);
  const before = conditionIn(previous?.conditions, type);
  return { after, before, turned: after?.status !== before?.status, otherReason: after?.reason !== before?.reason };
}

function acceptanceEvents(previous: Status | undefined, next: Status): StatusEvent[] {
  const { after, before, turned, otherReason } = pairOf(previous, next, 'Accepted');
  const another = after?.observedGeneration !== before?.observedGeneration;
  if (!after || !(turned || otherReason || another)) return [];
  const { status, reason, message } = after;
  if (status !== 'True') return [event('Warning', 'NotAccepted', `${reason}: ${message}`)];
  return reason === 'AcceptedWithWarnings'
    ? [event('Warning', 'AcceptedWithWarnings', message)]
    : [event('Normal', 'Accepted', message)];
}

function versionIn(status: Status | undefined, name: string): VersionStatus | undefined {
  return status?.versions?.find((version) => version.name === name);
}

function versionEvents(before: VersionStatus | undefined, after: VersionStatus): StatusEvent[] {
  const { name, phase, failure, replicas = 0 } = after;
  // The rollout has said why.
  if (phase === 'Withdrawn') return [];
  if (phase === 'Retiring') {
    return before && before.phase !== phase
      ? [event('Normal', 'VersionRetiring', `${name} is no longer listed; it leaves when nobody sends it anything`)]
      : [];
  }
  const events: StatusEvent[] = [];
  if (failure && failure.code !== before?.failure?.code) {
    const coded = isFailureReason(failure.code);
    const words = coded ? failure.message : `${failure.code}: ${failure.message}`;
    events.push(event('Warning', isFailureReason(failure.code) ? failure.code : 'LoadFailed', `${name}: ${words}`));
  }
  if (phase === 'Ready' && before?.phase !== 'Ready') {
    const counts = `${replicas} of ${replicas} ${replicas === 1 ? 'replica' : 'replicas'} ready`;
    events.push(event('Normal', 'VersionReady', `${name}: ${counts}`));
  }
  return events;
}

function retired(previous: Status | undefined, next: Status): StatusEvent[] {
  const gone = (previous?.versions ?? []).filter(({ name }) => !versionIn(next, name));
  return gone.map(({ name }) => event('Normal', 'VersionRetired', `${name} is gone`));
}

function trafficEvents(previous: Status | undefined, next: Status): StatusEvent[] {
  if (next.traffic === undefined || next.traffic === previous?.traffic) return [];
  const from = previous?.traffic === undefined ? '' : `, before that ${previous.traffic}`;
  return [event('Normal', 'TrafficMoved', `${next.traffic} is in force${from}`)];
}

function flips(previous: Status | undefined, next: Status): StatusEvent[] {
  const available = pairOf(previous, next, 'Available');
  const ready = pairOf(previous, next, 'Ready');
  const events: StatusEvent[] = [];
  if (available.after?.status === 'True' && available.turned) {
    events.push(event('Normal', 'Serving', available.after.message));
  }
  if (available.after?.status === 'False' && available.before?.status === 'True') {
    events.push(event('Warning', 'NotServing', available.after.message));
  }
  if (ready.after?.status === 'True' && ready.turned) events.push(event('Normal', 'Ready', ready.after.message));
  return events;
}

/** What no version told: an object that cannot be written, or patience that ran out. */
function stalledEvents(previous: Status | undefined, next: Status, told: readonly StatusEvent[]): StatusEvent[] {
  const { after, turned, otherReason } = pairOf(previous, next, 'Stalled');
  if (after?.status !== 'True' || !(turned || otherReason)) return [];
  const object = objectReason(after.reason);
  if (object) return [event('Warning', object, after.message)];
  return turned && told.every(({ type }) => type === 'Normal') ? [event('Warning', 'Stalled', after.message)] : [];
}
