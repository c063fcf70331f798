/** An API server of which a test plays every answer, and objects to answer with. */
import type { KubeClient, ListOptions, ListPage, WatchEvent, WatchOptions } from '../../../operator/kube/client.ts';
import { KubeError, type KubeErrorCode, type KubeErrorDetail } from '../../../operator/kube/error.ts';
import { Informer, type InformerOptions } from '../../../operator/kube/informer.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import type { Resource, StoredObject } from '../../../operator/kube/object.ts';
import { FakeClock, settle } from './fake-clock.ts';

export const THINGS: Resource = { apiVersion: 'test/v1', kind: 'Thing', plural: 'things', namespaced: true };

/** @param uid default: of the name */
export function thing(name: string, resourceVersion: number | string, uid = `${name}-uid`): StoredObject {
  const creationTimestamp = '2026-01-01T00:00:00Z';
  const metadata = { name, namespace: 'ns', uid, resourceVersion: String(resourceVersion), creationTimestamp };
  return { apiVersion: 'test/v1', kind: 'Thing', metadata };
}

export function deleting(object: StoredObject): StoredObject {
  return { ...object, metadata: { ...object.metadata, deletionTimestamp: '2026-01-01T00:01:00Z' } };
}

export class ListCall {
  readonly options: ListOptions;
  readonly #answer = Promise.withResolvers<ListPage>();
  readonly page: Promise<ListPage> = this.#answer.promise;

  constructor(options: ListOptions) {
    this.options = options;
  }

  async answer(resourceVersion: number, items: StoredObject[], token?: string): Promise<void> {
    this.#answer.resolve({ resourceVersion: String(resourceVersion), items, continue: token });
    await settle();
  }

  async fail(code: KubeErrorCode, detail?: KubeErrorDetail): Promise<void> {
    this.#answer.reject(new KubeError(code, `list: ${code}`, detail));
    await settle();
  }
}

export class WatchCall {
  readonly options: WatchOptions;
  readonly #onEvent: (event: WatchEvent) => void;
  readonly #ended = Promise.withResolvers<void>();
  readonly done: Promise<void> = this.#ended.promise;

  constructor(options: WatchOptions, onEvent: (event: WatchEvent) => void) {
    this.options = options;
    this.#onEvent = onEvent;
  }

  get from(): string {
    return this.options.resourceVersion;
  }

  send(type: 'ADDED' | 'MODIFIED' | 'DELETED', ...objects: StoredObject[]): void {
    for (const object of objects) this.#onEvent({ type, object });
  }

  bookmark(resourceVersion: number): void {
    this.#onEvent({ type: 'BOOKMARK', resourceVersion: String(resourceVersion) });
  }

  async end(): Promise<void> {
    this.#ended.resolve();
    await settle();
  }

  async fail(code: KubeErrorCode, detail?: KubeErrorDetail): Promise<void> {
    this.#ended.reject(new KubeError(code, `watch: ${code}`, detail));
    await settle();
  }
}

/** Its watches do not heed their signal, as the worst of adapters. */
export class ScriptedApi {
  readonly lists: ListCall[] = [];
  readonly watches: WatchCall[] = [];

  get client(): KubeClient {
    const unasked = (): never => {
      throw new Error('an informer only lists and watches');
    };
    return {
      list: (_, options) => {
        const call = new ListCall(options);
        this.lists.push(call);
        return call.page;
      },
      watch: (_, options, onEvent) => {
        const call = new WatchCall(options, onEvent);
        this.watches.push(call);
        return call.done;
      },
      get: unasked,
      apply: unasked,
      applyStatus: unasked,
      create: unasked,
      patch: unasked,
      delete: unasked,
      kinds: unasked,
    };
  }

  /** The list that was asked for last. */
  get list(): ListCall {
    return last(this.lists);
  }

  /** The watch that was opened last. */
  get watch(): WatchCall {
    return last(this.watches);
  }
}

function last<C>(calls: C[]): C {
  const call = calls.at(-1);
  if (!call) throw new Error('nothing was asked yet');
  return call;
}

export interface World {
  api: ScriptedApi;
  clock: FakeClock;
  informer: Informer;
  /** `TYPE NAME@VERSION`, with `(UID)` where it is not of the name. */
  told: string[];
  relists: string[];
  /** `LEVEL MESSAGE` */
  logged: string[];
  /** `NAME@VERSION` of all that is held, sorted. */
  held(): string[];
}

export function text({ metadata }: StoredObject): string {
  const { name, resourceVersion, uid } = metadata;
  return `${name}@${resourceVersion}${uid === `${name}-uid` ? '' : `(${uid})`}`;
}

/** An informer that has asked for its first list. */
export async function world(options: Partial<InformerOptions<StoredObject>> = {}): Promise<World> {
  const api = new ScriptedApi();
  const clock = new FakeClock();
  const told: string[] = [];
  const relists: string[] = [];
  const logged: string[] = [];
  const line = (level: string) => (_: object, message: string) => void logged.push(`${level} ${message}`);
  const informer = new Informer({
    client: api.client,
    resource: THINGS,
    clock,
    random: () => 0.5,
    log: { ...silentLog, info: line('info'), warn: line('warn'), error: line('error') },
    onChange: ({ type, object }) => void told.push(`${type} ${text(object)}`),
    onRelist: (reason) => void relists.push(reason),
    ...options,
  });
  informer.start();
  await settle();
  return { api, clock, informer, told, relists, logged, held: () => informer.list().map(text).sort() };
}

/** One that watches from resourceVersion 10, with these objects in its cache and nothing told. */
export async function watching(
  objects: StoredObject[] = [],
  options: Partial<InformerOptions<StoredObject>> = {},
): Promise<World> {
  const made = await world(options);
  await made.api.list.answer(10, objects);
  made.told.length = 0;
  return made;
}
