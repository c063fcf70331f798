/**
 * A cache of the objects of one kind that follows the API server and never gives up.
 *
 * The cache may be behind, so it never takes silence for absence: while lists and watches fail, all stays as it was, and
 * an object leaves only by a DELETED event that is not older than what is held, by `removed()`, or by a complete list
 * that does not have it. Lists are quorum reads. Who deletes something in the cluster on the strength of this cache
 * passes uid and resourceVersion as preconditions, because what is read here may be over already.
 */
import type { KubeClient } from './client.ts';
import type { Clock, Random } from './clock.ts';
import { KubeError } from './error.ts';
import { DEFAULT_TIMING, Feed, type InformerTiming } from './informer-feed.ts';
import type { Log } from './log.ts';
import { keyText, type ObjectKey, type Resource, type StoredObject } from './object.ts';
import { type Change, Store } from './store.ts';

export type { InformerTiming } from './informer-feed.ts';

export interface InformerChange<T> {
  type: 'added' | 'changed' | 'removed';
  /** As it is now; of what was removed, as it was last. */
  object: T;
  /** Of what changed. */
  before?: T;
}

export interface InformerOptions<T extends StoredObject> {
  client: Pick<KubeClient, 'list' | 'watch'>;
  resource: Resource;
  /** All namespaces when left out. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  /** What is kept of an object; runs once per version of it. Default: all but `managedFields`. */
  transform?: ((object: StoredObject) => T) | undefined;
  /** Groups objects; such as by the owner's key. */
  index?: ((object: T) => string | undefined) | undefined;
  /** Called after the cache has changed; not for `wrote` and `removed`. */
  onChange?: ((change: InformerChange<T>) => void) | undefined;
  clock: Clock;
  random: Random;
  log: Log;
  timing?: Partial<InformerTiming> | undefined;
  /**
   * A list that the first one and the retries of failed ones do not count among, for metrics.
   * @param reason `Expired`, `Invalid`, `NotFound`: what the watch was refused with; `PageExpired`: the list before took
   * too long; `Silent`: watches brought nothing at all; `Rewound`: the API server went back in time
   */
  onRelist?: ((reason: string) => void) | undefined;
}

export class Informer<T extends StoredObject = StoredObject> {
  readonly #options: InformerOptions<T>;
  readonly #timing: InformerTiming;
  readonly #store: Store<T>;
  readonly #feed: Feed<T>;
  readonly #firstList = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #synced = false;
  #stopped = false;
  #refused = 0;
  #lastHeard: number;
  #lastWell: number;

  constructor(options: InformerOptions<T>) {
    const { clock, index } = options;
    this.#options = options;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#lastHeard = this.#lastWell = clock.now();
    this.#firstList.promise.catch(() => {}); // nobody has to wait for it
    this.#store = new Store<T>({
      transform: options.transform ?? withoutManagedFields<T>,
      index,
      now: () => clock.now(),
      onRefused: (object, error) => this.#refuse(object, error),
    });
    this.#feed = new Feed<T>({
      ...options,
      timing: this.#timing,
      store: this.#store,
      onChanges: (changes) => this.#tell(changes),
      onListed: () => this.#listed(),
      onRelist: (reason) => this.#guarded('onRelist', () => options.onRelist?.(reason)),
      onHeard: (well) => this.#heard(well),
    });
  }

  /** Begins to list and watch. Does nothing when it has begun, or was stopped. */
  start(): void {
    if (!this.#stopped) this.#running ??= this.#feed.run();
  }

  /** Ends list and watch for good. No callback is called after it; the cache can still be read. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#feed.stop();
    const { plural } = this.#options.resource;
    this.#firstList.reject(new KubeError('Unavailable', `the cache of ${plural} was stopped before its first list`));
    await this.#running;
  }

  /** Whether a full list has been taken once. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Rejects with a KubeError `Unavailable` if it is stopped first. */
  whenSynced(): Promise<void> {
    return this.#firstList.promise;
  }

  get(key: ObjectKey): T | undefined {
    return this.#store.get(key);
  }

  list(): readonly T[] {
    return this.#store.list();
  }

  /** The objects for which `index` returned this value. */
  indexed(value: string): readonly T[] {
    return this.#store.indexed(value);
  }

  get size(): number {
    return this.#store.size;
  }

  /** How many versions of objects `transform` or `index` threw on. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * Read your own writes: takes what a write returned, unless something newer is held or it is known to be gone. Silent:
   * no onChange, now or when the watch brings the same version. Only for objects that the label selector selects.
   */
  wrote(object: StoredObject): void {
    const { namespace } = this.#options;
    if (namespace === undefined || namespace === object.metadata.namespace) this.#store.wrote(object);
  }

  /**
   * After a delete that succeeded: the object of that uid is gone. Silent. If it only began to be deleted, it comes back
   * with its `deletionTimestamp`, by the watch or by `wrote`.
   */
  removed(key: ObjectKey, uid: string): void {
    this.#store.removed(key, uid);
  }

  /** When the API server last gave a sign of life, an error included; milliseconds of the clock. */
  get lastHeard(): number {
    return this.#lastHeard;
  }

  /** In `group/version` and plural, for words. */
  get resource(): Resource {
    return this.#options.resource;
  }

  /** Why the last list or watch failed; undefined since there was news. */
  get trouble(): string | undefined {
    return this.#feed.trouble;
  }

  /** Synced, and for less than twice `silentMs` without news or bookmark. */
  get healthy(): boolean {
    return this.#synced && this.#options.clock.now() - this.#lastWell <= 2 * this.#timing.silentMs;
  }

  #heard(well: boolean): void {
    this.#lastHeard = this.#options.clock.now();
    if (well) this.#lastWell = this.#lastHeard;
  }

  #listed(): void {
    this.#synced = true;
    this.#firstList.resolve();
  }

  #tell(changes: readonly Change<T>[]): void {
    const { onChange } = this.#options;
    if (!onChange) return;
    for (const change of changes) this.#guarded('onChange', () => onChange(change));
  }

  /** Calls back, unless it was stopped. */
  #guarded(name: string, callback: () => void): void {
    if (this.#stopped) return;
    try {
      callback();
    } catch (error) {
      const { log, resource } = this.#options;
      log.error({ resource: resource.plural, err: error }, `${name} threw; the informer goes on`);
    }
  }

  #refuse({ metadata }: StoredObject, error: unknown): void {
    this.#refused++;
    const { log, resource } = this.#options;
    const fields = { resource: resource.plural, object: keyText(metadata), err: error };
    log.error(fields, 'an object could not be taken into the cache; the version held before it, if any, stays');
  }
}

/** Rests on T being StoredObject where no transform is given. */
function withoutManagedFields<T extends StoredObject>(object: StoredObject): T {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata } as T;
}
