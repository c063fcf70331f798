/**
 * A touched annotation makes the kubelet sync the pod at once, and with it the mounted traffic table: half a second,
 * where it would else take more than a minute.
 */
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { KubeError } from '../kube/error.ts';
import type { Caches } from './caches.ts';
import type { KeyMemory } from './key-memory.ts';
import { isReady, type Pod } from './pod.ts';
import { PODS } from './resources.ts';

const ANNOTATION = 'modelship.dev/table-revision';
/** A pod that does not follow the table after this long is touched again, each time after twice as long. */
const AGAIN_MS = 2_000;
/** By then the kubelet has synced the pod by itself; touching it would be a write for nothing. */
const MOST_TIMES = 6;

export interface Touching {
  client: KubeClient;
  caches: Caches;
  clock: Clock;
}

/**
 * @param behind ready pods that do not report the revision
 * @returns what kept a pod from being touched
 */
export async function touchPods(
  behind: readonly Pod[],
  revision: number,
  memory: KeyMemory,
  { client, caches, clock }: Touching,
): Promise<KubeError[]> {
  const wanted = new Set(behind.map(({ metadata }) => metadata.uid));
  for (const uid of memory.touched.keys()) if (!wanted.has(uid)) memory.touched.delete(uid);
  const due = behind.filter((pod) => isReady(pod) && isDue(pod, revision, memory, clock.now()));
  const errors = await Promise.all(
    due.map(async (pod): Promise<KubeError[]> => {
      const last = memory.touched.get(pod.metadata.uid);
      const times = last?.revision === revision ? last.times + 1 : 1;
      const value = times === 1 ? String(revision) : `${revision}.${times}`;
      memory.touched.set(pod.metadata.uid, { revision, at: clock.now(), times });
      try {
        const body = { metadata: { uid: pod.metadata.uid, annotations: { [ANNOTATION]: value } } };
        caches.pods.wrote(await client.patch(PODS, pod.metadata, body, { manager: 'modelship' }));
        return [];
      } catch (error) {
        if (!(error instanceof KubeError)) throw error;
        // A pod that is gone, or another one of that name, follows no table of the past.
        return error.code === 'NotFound' || error.code === 'Conflict' ? [] : [error];
      }
    }),
  );
  return errors.flat();
}

function isDue({ metadata }: Pod, revision: number, memory: KeyMemory, now: number): boolean {
  const last = memory.touched.get(metadata.uid);
  if (last?.revision !== revision) return metadata.annotations?.[ANNOTATION]?.split('.')[0] !== String(revision);
  return last.times < MOST_TIMES && now - last.at >= AGAIN_MS * 2 ** (last.times - 1);
}
