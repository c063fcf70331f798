/** Keeps a store in step with the API server: list, watch, and again, for as long as it is not stopped. */
import type { KubeClient, WatchEvent } from './client.ts';
import type { Clock, Random } from './clock.ts';
import { KubeError } from './error.ts';
import { Attempt, Backoff, Interruption } from './informer-attempt.ts';
import { supersedes, surelyNewer } from './informer-version.ts';
import type { Log } from './log.ts';
import type { Resource, StoredObject } from './object.ts';
import type { Change, Draft, Store } from './store.ts';

export interface InformerTiming {
  /** Objects in a page of a list. */
  pageSize: number;
  /** Between which the length of a watch is drawn, seconds. */
  watchSeconds: readonly [min: number, max: number];
  /** After how long without a word a connection is given up, milliseconds. The API server speaks once a minute. */
  silentMs: number;
  /** The first and the longest wait after a failure, milliseconds. */
  backoffMs: readonly [first: number, max: number];
}

export const DEFAULT_TIMING: InformerTiming = {
  pageSize: 500,
  watchSeconds: [300, 600],
  silentMs: 150_000,
  backoffMs: [500, 30_000],
};

export interface FeedOptions<T extends StoredObject> {
  client: Pick<KubeClient, 'list' | 'watch'>;
  resource: Resource;
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  timing: InformerTiming;
  store: Store<T>;
  clock: Clock;
  random: Random;
  log: Log;
  onChanges: (changes: readonly Change<T>[]) => void;
  /** After each full list, before its changes. */
  onListed: () => void;
  onRelist: (reason: string) => void;
  /** @param well a whole list or a watch at work; otherwise an error, or a part of a list */
  onHeard: (well: boolean) => void;
}

/** A watch that lives this long is worth following at once by another. */
const LASTED_MS = 5_000;
/** The API server may ask for more patience than our own longest wait, but not for any. */
const LONGEST_RETRY_AFTER_MS = 5 * 60_000;
/** Page tokens that expire in a row before the list is asked for in one piece. */
const PAGED_TRIES = 2;
/** Watches in a row that bring not one word, before a list is taken: an API server that was restored from a backup does
 * not refuse a resourceVersion of its future, it is silent. */
const SILENT_TRIES = 2;
/** Errors of a watch that the same resourceVersion would only meet again. */
const NEEDS_LIST: readonly string[] = ['Expired', 'Invalid', 'NotFound'];

export class Feed<T extends StoredObject> {
  readonly #o: FeedOptions<T>;
  readonly #listBackoff: Backoff;
  /** Lists in a row whose pages grew too old. */
  #expired = 0;
  readonly #watchBackoff: Backoff;
  #stopped = false;
  #interrupt: () => void = () => {};
  #attempt: Attempt | undefined;
  #trouble: string | undefined;
  /** Where the watch goes on; undefined when a list is needed. */
  #from: string | undefined;
  /** The newest that the API server told of. */
  #seen: string | undefined;
  #silentWatches = 0;

  constructor(options: FeedOptions<T>) {
    this.#o = options;
    this.#listBackoff = new Backoff(options.timing.backoffMs, options.random);
    this.#watchBackoff = new Backoff(options.timing.backoffMs, options.random);
  }

  /** Returns once it is stopped, and never throws. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const ms = this.#from === undefined ? await this.#list() : await this.#watch(this.#from);
      if (ms > 0 && !this.#stopped) await this.#wait(ms);
    }
  }

  /** Why the last attempt failed; undefined since there was news. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  stop(): void {
    this.#stopped = true;
    this.#attempt?.interrupt(new Interruption('Stopped', 'the informer was stopped'));
    this.#interrupt();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#o.clock.after(ms, resolve);
      this.#interrupt = () => {
        cancel();
        resolve();
      };
    });
  }

  #try<R>(work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    this.#attempt = new Attempt(this.#o.clock, this.#o.timing.silentMs);
    return this.#attempt.run(work);
  }

  /** @param well see FeedOptions.onHeard */
  #heard(well: boolean): void {
    this.#attempt?.hear();
    if (well) this.#trouble = undefined;
    this.#o.onHeard(well);
  }

  /** @returns milliseconds to wait before the next step */
  async #list(): Promise<number> {
    try {
      await this.#try((signal) => this.#pages(signal));
      this.#listBackoff.reset();
      this.#expired = 0;
      return 0;
    } catch (error) {
      if (this.#stopped) return 0;
      const expired = error instanceof KubeError && error.code === 'Expired';
      this.#expired = expired ? this.#expired + 1 : 0;
      if (expired) this.#o.onRelist('PageExpired');
      return this.#failed('list', this.#listBackoff, error, expired);
    }
  }

  async #pages(signal: AbortSignal): Promise<void> {
    const { client, clock, resource, namespace, labelSelector, timing, store, log } = this.#o;
    const began = clock.now();
    const limit = this.#expired < PAGED_TRIES ? timing.pageSize : undefined;
    let draft: Draft<T> | undefined;
    let token: string | undefined;
    do {
      // No resourceVersion: a quorum read, so it holds all that was ever seen, unless the past itself was replaced.
      const page = await client.list(resource, { namespace, labelSelector, limit, continue: token });
      if (signal.aborted) return;
      this.#heard(!page.continue);
      const { resourceVersion, items } = page;
      const rewound = this.#seen !== undefined && surelyNewer(this.#seen, resourceVersion);
      draft ??= store.draft({ began, resourceVersion, rewound });
      for (const item of items) store.include(draft, item);
      token = page.continue;
    } while (token);
    const { resourceVersion, rewound } = draft;
    if (rewound) {
      const fields = { resource: resource.plural, resourceVersion, seen: this.#seen };
      log.warn(fields, 'the API server went back in time, as after a restore; its list replaces the cache');
    }
    this.#from = this.#seen = resourceVersion;
    const changes = store.replace(draft);
    this.#o.onListed();
    this.#o.onChanges(changes);
  }

  /** @returns milliseconds to wait before the next step */
  async #watch(from: string): Promise<number> {
    const { client, clock, resource, namespace, labelSelector, timing, random } = this.#o;
    const [min, max] = timing.watchSeconds;
    const timeoutSeconds = Math.round(min + random() * (max - min));
    const began = clock.now();
    let failure: unknown;
    try {
      await this.#try((signal) => {
        const options = { namespace, labelSelector, resourceVersion: from, timeoutSeconds, signal };
        return client.watch(resource, options, (event) => {
          if (!signal.aborted) this.#take(event);
        });
      });
    } catch (error) {
      failure = error;
    }
    if (this.#stopped) return 0;
    const heard = this.#attempt?.heard ?? false;
    // Events that move nothing do not count: an API server that repeats one and hangs up would be asked without end.
    const fruitful = this.#from !== from || clock.now() - began >= LASTED_MS;
    if (heard || failure === undefined) this.#silentWatches = 0;
    if (fruitful && !(failure instanceof Interruption && failure.kind === 'Rewound')) this.#watchBackoff.reset();
    return failure === undefined ? this.#ended(fruitful) : this.#broke(failure);
  }

  #ended(fruitful: boolean): number {
    this.#o.onHeard(fruitful);
    return fruitful ? 0 : this.#watchBackoff.next();
  }

  #broke(failure: unknown): number {
    if (failure instanceof Interruption && failure.kind === 'Silent') {
      if (!this.#attempt?.heard) this.#silentWatches++;
      this.#note('watch', failure, this.#silentWatches);
      if (this.#silentWatches >= SILENT_TRIES) this.#relist('Silent');
      return 0; // the silence was wait enough
    }
    const reason =
      failure instanceof Interruption
        ? failure.kind
        : failure instanceof KubeError && NEEDS_LIST.includes(failure.code)
          ? failure.code
          : undefined;
    if (reason) this.#relist(reason);
    return this.#failed('watch', this.#watchBackoff, failure, reason === 'Expired' || reason === 'Rewound');
  }

  #relist(reason: string): void {
    this.#from = undefined;
    this.#silentWatches = 0;
    this.#o.onRelist(reason);
  }

  /** @param remedied what comes next is not the same again; so the first time it needs no wait */
  #failed(what: 'list' | 'watch', backoff: Backoff, error: unknown, remedied = false): number {
    const asked = Math.min(error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0, LONGEST_RETRY_AFTER_MS);
    if (error instanceof KubeError && error.status > 0) this.#o.onHeard(false);
    const wait = backoff.next();
    this.#note(what, error, backoff.failures);
    if (remedied && backoff.failures === 1) return asked;
    return Math.max(wait, asked);
  }

  /** A first failure is daily life: API servers restart, connections are cut. */
  #note(what: 'list' | 'watch', error: unknown, failures: number): void {
    const { log, resource, namespace } = this.#o;
    this.#trouble = error instanceof Error ? error.message : String(error);
    const fields = { resource: resource.plural, namespace, failures, err: error };
    if (failures > 1) log.warn(fields, `the ${what} failed again; the cache stays as it is meanwhile`);
    else log.info(fields, `the ${what} broke off`);
  }

  #take(event: WatchEvent): void {
    const { store, onChanges, log, resource } = this.#o;
    this.#heard(true);
    try {
      const bookmark = event.type === 'BOOKMARK';
      const version = bookmark ? event.resourceVersion : event.object.metadata.resourceVersion;
      if (bookmark && this.#seen !== undefined && surelyNewer(this.#seen, version)) {
        const message = `the API server stands at resourceVersion ${version}, but was at ${this.#seen} before`;
        this.#attempt?.interrupt(new Interruption('Rewound', message));
        return;
      }
      if (!bookmark) onChanges(event.type === 'DELETED' ? store.drop(event.object) : store.put(event.object));
      if (this.#seen === undefined || supersedes(version, this.#seen)) this.#from = this.#seen = version;
    } catch (error) {
      log.error({ resource: resource.plural, err: error }, 'an event could not be read and is left out');
    }
  }
}
