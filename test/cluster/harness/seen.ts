/** Every version of every object of a kind, from now on: what a look now and then would miss. */
import type { Resource, StoredObject } from '../../../operator/kube/object.ts';
import { Api, pathOf } from '../../faults/api.ts';
import { useCluster } from './cluster.ts';
import { eventually } from './eventually.ts';

export interface Seen extends AsyncDisposable {
  /** In order; of what was deleted, as it was last. What was there at the start comes first. As far as caughtUp() says. */
  readonly events: readonly { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: StoredObject }[];
  /** Waits until all that stands in the API server now has been seen, and the end of what is gone: a watch trails a read. */
  caughtUp(): Promise<void>;
  /** One value of each version of one object up to now, in order, without repetitions. */
  values<T>(name: string, of: (object: StoredObject) => T): Promise<T[]>;
}

export async function follow(namespace: string, { plural }: Resource): Promise<Seen> {
  const path = pathOf(plural, namespace);
  const api = new Api(useCluster());
  const events: { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: StoredObject }[] = [];
  await api.follow(
    path,
    (event) => void events.push(event),
    (why) => {
      throw new Error(why);
    },
  );
  const seen = (now: StoredObject): boolean =>
    events.some(
      ({ object: { metadata } }) =>
        metadata.uid === now.metadata.uid && Number(metadata.resourceVersion) >= Number(now.metadata.resourceVersion),
    );
  const list = async () => ((await api.must('GET', path)) as { items: StoredObject[] }).items;
  /** Those whose end was not seen, by UID. */
  const living = (): Set<string> => {
    const uids = new Set<string>();
    for (const { type, object } of events) {
      if (type === 'DELETED') uids.delete(object.metadata.uid);
      else uids.add(object.metadata.uid);
    }
    return uids;
  };
  const caughtUp = async (): Promise<void> => {
    const items = await list();
    await eventually(`${plural} have been seen as they are`, async () => items.every(seen));
    await eventually(`${plural} that are gone have been seen to go`, async () => {
      const known = living();
      const there = new Set((await list()).map(({ metadata }) => metadata.uid));
      return known.isSubsetOf(there);
    });
  };
  return {
    events,
    caughtUp,
    values: async (name, of) => {
      await caughtUp();
      const all = events.filter(({ object }) => object.metadata.name === name).map(({ object }) => of(object));
      return all.filter((value, at) => at === 0 || JSON.stringify(value) !== JSON.stringify(all[at - 1]));
    },
    [Symbol.asyncDispose]: async () => api.close(),
  };
}
