/** Pods that say what a test has them say. Simulated nodes make every pod ready that they find on them without an IP. */
import type { StoredObject } from '../../../operator/kube/object.ts';
import type { Pod } from '../../../operator/reconcile/pod.ts';
import { Api } from '../../faults/api.ts';
import { eventually, useCluster } from './cluster.ts';
import type { World } from './operator.ts';

/** No node has it: pods wait until they are put on one by hand. */
export const HELD = { 'modelship.test/held': 'yes' };

const MERGE = 'application/merge-patch+json';

/** `status` of the pod, field by field; lists are replaced. */
export type PodWords = Partial<Pod['status']>;

/** @param state of the one container, that of the runtime */
export function container(state: object, more: object = {}): PodWords {
  const unready = { name: 'runtime', image: 'modelship-runtime:test', imageID: '', ready: false, restartCount: 0 };
  return { containerStatuses: [{ ...unready, state, ...more }] };
}

/** A container that ended so, again and again. */
export function crashing(terminated: object): PodWords {
  const now = new Date().toISOString();
  const ended = { exitCode: 1, reason: 'Error', startedAt: now, finishedAt: now, ...terminated };
  return container({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 3, lastState: { terminated: ended } });
}

export const RUNNING: PodWords = {
  phase: 'Running',
  ...container({ running: {} }, { ready: true }),
  conditions: ['PodScheduled', 'Ready', 'ContainersReady'].map((type) => ({ type, status: 'True' })),
};

export async function say(world: World, pod: string, status: PodWords): Promise<void> {
  const api = new Api(useCluster());
  try {
    await api.must('PATCH', `/api/v1/namespaces/${world.namespace}/pods/${pod}/status`, { status }, MERGE);
  } finally {
    api.close();
  }
}

/** Puts a held pod on a node, where it says this from the start. The scheduler has had its say by then. */
export async function place(world: World, pod: string, status: PodWords, node = 'plain-0'): Promise<void> {
  const api = new Api(useCluster());
  const path = `/api/v1/namespaces/${world.namespace}/pods/${pod}`;
  try {
    // Its word that there is no node would else come after the words of the pod, and stand.
    await eventually(`the scheduler has found no node for ${pod}`, async () => {
      const there = (await api.get(path)) as Pod | undefined;
      return (
        !there || there.status.conditions?.some(({ type, status }) => type === 'PodScheduled' && status === 'False')
      );
    });
    await api.must('PATCH', `${path}/status`, { status: { phase: 'Pending', podIP: '10.0.0.1', ...status } }, MERGE);
    const target = { apiVersion: 'v1', kind: 'Node', name: node };
    await api.must('POST', `${path}/binding`, { apiVersion: 'v1', kind: 'Binding', metadata: { name: pod }, target });
  } finally {
    api.close();
  }
}

/** Pods of the model, that of a version where one is named, those that are being deleted aside. */
export async function podsOf(world: World, model: string, version?: string): Promise<StoredObject[]> {
  const pods = await world.pods();
  return pods.filter(({ metadata: { labels, deletionTimestamp } }) => {
    const of = labels?.['modelship.dev/model'] === model;
    return of && !deletionTimestamp && (version === undefined || labels?.['modelship.dev/version'] === version);
  });
}

/** The names of all of them, once there are so many. */
export function untilPods(world: World, model: string, count = 1): Promise<string[]> {
  return eventually(`${model} has ${count} pods`, async () => {
    const names = (await podsOf(world, model)).map(({ metadata }) => metadata.name);
    if (names.length !== count) throw new Error(names.join(', '));
    return names;
  });
}
