/** Every version of every object of a kind, from now on: what a look now and then would miss. */
import type { Resource, StoredObject } from '../../../operator/kube/object.ts';
import { Api, pathOf } from '../../faults/api.ts';
import { useCluster } from './cluster.ts';

export interface Seen extends AsyncDisposable {
  /** In order; of what was deleted, as it was last. What was there at the start comes first. */
  readonly events: readonly { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: StoredObject }[];
  /** One value of each version of one object, in order, without repetitions. */
  values<T>(name: string, of: (object: StoredObject) => T): T[];
}

export async function follow(namespace: string, { plural }: Resource): Promise<Seen> {
  const api = new Api(useCluster());
  const events: { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: StoredObject }[] = [];
  await api.follow(
    pathOf(plural, namespace),
    (event) => void events.push(event),
    (why) => {
      throw new Error(why);
    },
  );
  return {
    events,
    values: (name, of) => {
      const all = events.filter(({ object }) => object.metadata.name === name).map(({ object }) => of(object));
      return all.filter((value, at) => at === 0 || JSON.stringify(value) !== JSON.stringify(all[at - 1]));
    },
    [Symbol.asyncDispose]: async () => api.close(),
  };
}
