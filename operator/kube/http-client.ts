/** The client port over HTTP. Nothing is tried again here, but for a request that a 401 answered: callers have a queue. */
import type {
  ApplyOptions,
  DeleteOptions,
  KubeClient,
  ListOptions,
  ListPage,
  PatchOptions,
  WatchEvent,
  WatchOptions,
} from './client.ts';
import { KubeError } from './error.ts';
import { apiPath, collectionPath, creationPath, objectPath, type Query, subject, withQuery } from './http-path.ts';
import { type Call, HttpSender, type HttpSenderOptions } from './http-sender.ts';
import { watchEvents } from './http-watch.ts';
import type { Manifest, ObjectKey, Resource, StoredObject } from './object.ts';

export type { HttpSenderOptions as HttpKubeClientOptions } from './http-sender.ts';

const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const APPLY = 'application/apply-patch+yaml';
const MERGE_PATCH = 'application/merge-patch+json';
/** Field manager of what is created; an apply names its own. */
const MANAGER = 'modelship';
/** An unknown or repeated field is an error, not a warning. */
const STRICT = { fieldValidation: 'Strict' } as const;

export class HttpKubeClient implements KubeClient {
  readonly #sender: HttpSender;

  constructor(options: HttpSenderOptions) {
    this.#sender = new HttpSender(options);
  }

  /** Requests under way are finished, watches cut. */
  close(): Promise<void> {
    return this.#sender.close();
  }

  async get(
    resource: Resource,
    key: ObjectKey,
    { metadataOnly = false }: { metadataOnly?: boolean } = {},
  ): Promise<StoredObject | undefined> {
    const what = subject('get', resource, key);
    const path = objectPath(what, resource, key);
    const accept = metadataOnly ? { accept: METADATA_ONLY } : {};
    const call: Call = { verb: 'get', resource: resource.plural, what, method: 'GET', path, ...accept };
    const found = await notFoundIs(undefined, this.#sender.json(call));
    return found && stored(what, resource, found);
  }

  async list(resource: Resource, options: ListOptions): Promise<ListPage> {
    const { namespace, ...query } = options;
    const what = subject('list', resource, { namespace });
    const path = withQuery(collectionPath(resource, namespace), query);
    const list = await this.#sender.json({ verb: 'list', resource: resource.plural, what, method: 'GET', path });
    const metadata = list.metadata as { resourceVersion?: string; continue?: string } | undefined;
    const items: unknown = list.items ?? [];
    if (!Array.isArray(items) || typeof metadata?.resourceVersion !== 'string') throw notA(what, 'list');
    return {
      items: items.map((item) => stored(what, resource, item)),
      resourceVersion: metadata.resourceVersion,
      ...(metadata.continue && { continue: metadata.continue }),
    };
  }

  /** What onEvent throws ends the watch and is thrown as it is. */
  async watch(resource: Resource, options: WatchOptions, onEvent: (event: WatchEvent) => void): Promise<void> {
    const { namespace, labelSelector, resourceVersion, timeoutSeconds, signal } = options;
    const what = subject('watch', resource, { namespace });
    const query: Query = { watch: 1, allowWatchBookmarks: true, timeoutSeconds, resourceVersion, labelSelector };
    const path = withQuery(collectionPath(resource, namespace), query);
    const call: Call = { verb: 'watch', resource: resource.plural, what, method: 'GET', path };
    await watchEvents(this.#sender, call, signal, onEvent);
  }

  apply(resource: Resource, object: Manifest, options: ApplyOptions): Promise<StoredObject> {
    return this.#apply('apply', resource, object, options);
  }

  applyStatus(resource: Resource, object: Manifest, options: ApplyOptions): Promise<StoredObject> {
    return this.#apply('apply-status', resource, object, options);
  }

  async create(
    resource: Resource,
    object: Omit<Manifest, 'metadata'> & { metadata: { name?: string; namespace?: string; generateName?: string } },
  ): Promise<StoredObject> {
    const { name, namespace, generateName } = object.metadata;
    const what = subject('create', resource, { namespace, name: name ?? `${generateName ?? ''}…` });
    const path = withQuery(creationPath(what, resource, namespace), { fieldManager: MANAGER, ...STRICT });
    const call: Call = { verb: 'create', resource: resource.plural, what, method: 'POST', path, body: object };
    return stored(what, resource, await this.#sender.json(call));
  }

  async patch(
    resource: Resource,
    key: ObjectKey,
    body: object,
    { manager, subresource }: PatchOptions = {},
  ): Promise<StoredObject> {
    const what = subject(subresource ? 'patch status of' : 'patch', resource, key);
    const place = `${objectPath(what, resource, key)}${subresource ? `/${subresource}` : ''}`;
    const path = withQuery(place, { fieldManager: manager });
    const target = { verb: 'patch', resource: resource.plural, what, method: 'PATCH', path } as const;
    return stored(what, resource, await this.#sender.json({ ...target, contentType: MERGE_PATCH, body }));
  }

  async delete(resource: Resource, key: ObjectKey, options: DeleteOptions = {}): Promise<boolean> {
    const { uid, resourceVersion, propagation = 'Background' } = options;
    const what = subject('delete', resource, key);
    const path = objectPath(what, resource, key);
    const preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: propagation, preconditions };
    const call: Call = { verb: 'delete', resource: resource.plural, what, method: 'DELETE', path, body };
    return (await notFoundIs(undefined, this.#sender.json(call))) !== undefined;
  }

  async kinds(apiVersion: string): Promise<ReadonlySet<string>> {
    const what = `discover ${apiVersion}`;
    const call: Call = { verb: 'discover', resource: 'apis', what, method: 'GET', path: apiPath(apiVersion) };
    const { resources } = (await notFoundIs(undefined, this.#sender.json(call))) ?? { resources: [] };
    if (!Array.isArray(resources)) throw notA(what, 'list of kinds');
    // `deployments/status` and its like are no kinds of their own.
    const whole = (resources as { name: string; kind: string }[]).filter(({ name }) => !name.includes('/'));
    return new Set(whole.map(({ kind }) => kind));
  }

  async #apply(
    verb: 'apply' | 'apply-status',
    resource: Resource,
    object: Manifest,
    { manager, force = false }: ApplyOptions,
  ): Promise<StoredObject> {
    const { name, namespace } = object.metadata;
    const what = subject(verb === 'apply' ? 'apply' : 'apply status of', resource, { namespace, name });
    const place = `${objectPath(what, resource, { namespace, name })}${verb === 'apply' ? '' : '/status'}`;
    const path = withQuery(place, { fieldManager: manager, force, ...STRICT });
    const target = { verb, resource: resource.plural, what, method: 'PATCH', path } as const;
    return stored(what, resource, await this.#sender.json({ ...target, contentType: APPLY, body: object }));
  }
}

/** Items of a list, and objects of which only the metadata was asked for, come without their own kind. */
function stored(what: string, { apiVersion, kind }: Resource, object: unknown): StoredObject {
  const { metadata } = (object ?? {}) as Partial<StoredObject>;
  if (typeof metadata?.name !== 'string') throw notA(what, 'object');
  return Object.assign(object as StoredObject, { apiVersion, kind });
}

function notA(what: string, thing: string): KubeError {
  return new KubeError('Unavailable', `${what}: the answer is no ${thing}; is this the address of an API server?`);
}

async function notFoundIs<T, N>(none: N, asked: Promise<T>): Promise<T | N> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof KubeError && error.code === 'NotFound') return none;
    throw error;
  }
}
