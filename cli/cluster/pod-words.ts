/** How a pod does, in its own words where it fails. Pure. */
import { type ContainerState, type ContainerStatus, isReady, type Pod } from '../../operator/reconcile/pod.ts';
import { counted } from '../numbers.ts';
import type { Health, TreeNode } from './node.ts';
import { ageText, oneLine } from './words.ts';

/** Reasons to wait that are the normal course of a start. */
const STARTING = ['ContainerCreating', 'PodInitializing'];

/** @param now ms since 1970 */
export function podNode(pod: Pod, now: number): TreeNode {
  const { metadata, spec, status } = pod;
  const restarts = containersOf(pod).reduce((sum, { restartCount }) => sum + restartCount, 0);
  const notes = troubles(pod);
  const words = [
    metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? 'Unknown'),
    isReady(pod) ? 'ready' : 'not ready',
    ...(restarts > 0 ? [counted(restarts, 'restart')] : []),
    spec?.nodeName ? `on ${spec.nodeName}` : 'on no node',
    ageText(metadata.creationTimestamp, now),
  ];
  return {
    kind: 'Pod',
    name: metadata.name,
    health: healthOf(pod, notes),
    words: words.join(', '),
    notes,
    children: [],
  };
}

function healthOf(pod: Pod, notes: readonly string[]): Health {
  if (isReady(pod)) return 'ok';
  if (pod.metadata.deletionTimestamp) return 'waiting';
  return notes.length > 0 ? 'failing' : 'waiting';
}

function containersOf({ status }: Pod): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

/** Nothing of a ready pod: what it got over is of no interest any more. */
function troubles(pod: Pod): string[] {
  if (isReady(pod)) return [];
  const { reason, message, conditions = [] } = pod.status ?? {};
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  return [
    ...(reason || message ? [said(reason ?? 'Failed', message)] : []),
    ...(unscheduled ? [said(unscheduled.reason ?? 'Unscheduled', unscheduled.message)] : []),
    ...containersOf(pod).flatMap(containerTroubles),
  ];
}

/** A container between two starts: why it waits, and what it left behind when it last ended. */
function containerTroubles({ name, state = {}, lastState, ready }: ContainerStatus): string[] {
  const { waiting, terminated } = state;
  const why = waiting?.reason && !STARTING.includes(waiting.reason) ? [said(waiting.reason, waiting.message)] : [];
  const failed = terminated && terminated.exitCode !== 0 ? terminated : undefined;
  const last = failed ?? (ready ? undefined : lastState?.terminated);
  return [...why, ...(last ? [endWords(name, last)] : [])];
}

function endWords(name: string, { exitCode, reason, message }: NonNullable<ContainerState['terminated']>): string {
  const how = `${name} ended with ${exitCode}${reason && reason !== 'Error' ? ` (${reason})` : ''}`;
  return message?.trim() ? `${how}: ${oneLine(message)}` : how;
}

function said(reason: string, message: string | undefined): string {
  return message ? `${reason}: ${oneLine(message)}` : reason;
}
