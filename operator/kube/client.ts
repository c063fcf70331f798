/** The port through which all talk with an API server goes. One adapter: `http-client.ts`. */
import type { KubeError } from './error.ts';
import type { Manifest, ObjectKey, Resource, StoredObject } from './object.ts';

export interface ListOptions {
  /** All namespaces when left out. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** Most objects in the page. */
  limit?: number | undefined;
  /** Where the page before ended. */
  continue?: string | undefined;
  /** `0`: whatever the API server's cache holds. Left out: the newest. */
  resourceVersion?: string | undefined;
}

export interface ListPage {
  items: StoredObject[];
  /** Of the list as a whole: where a watch goes on. */
  resourceVersion: string;
  /** Present while there are more pages. */
  continue?: string | undefined;
}

export type WatchEvent =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: StoredObject }
  | { type: 'BOOKMARK'; resourceVersion: string };

export interface WatchOptions {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  resourceVersion: string;
  /** When the API server is to end the watch by itself, seconds. */
  timeoutSeconds: number;
  /** Ends the watch at once. */
  signal: AbortSignal;
}

export interface ApplyOptions {
  /** Field manager of server-side apply. */
  manager: string;
  /** Takes fields that other managers hold. Without it that is a KubeError of code `Conflict`. */
  force?: boolean | undefined;
}

export interface PatchOptions {
  manager?: string;
  /** Patches `status`, which the object itself does not take. */
  subresource?: 'status';
}

export interface DeleteOptions {
  /** Deletes nothing else, should another object have taken the name. */
  uid?: string | undefined;
  /** Deletes only what has not changed since. */
  resourceVersion?: string | undefined;
  propagation?: 'Background' | 'Foreground' | 'Orphan' | undefined;
}

/** Every method rejects with a KubeError, and with nothing else. */
export interface KubeClient {
  /** Undefined where there is none. @param options metadataOnly: `spec` and the like are left out */
  get(resource: Resource, key: ObjectKey, options?: { metadataOnly?: boolean }): Promise<StoredObject | undefined>;
  list(resource: Resource, options: ListOptions): Promise<ListPage>;
  /** Resolves when the API server ends the watch, or the signal does; `Expired` when the resourceVersion is too old. */
  watch(resource: Resource, options: WatchOptions, onEvent: (event: WatchEvent) => void): Promise<void>;
  /** Server-side apply: creates the object where there is none. A `metadata.uid` is a precondition. */
  apply(resource: Resource, object: Manifest, options: ApplyOptions): Promise<StoredObject>;
  /** Server-side apply of `status`. */
  applyStatus(resource: Resource, object: Manifest, options: ApplyOptions): Promise<StoredObject>;
  /** `AlreadyExists` where there is one. Its name may come from `metadata.generateName`. */
  create(resource: Resource, object: Omit<Manifest, 'metadata'> & { metadata: object }): Promise<StoredObject>;
  /** JSON merge patch. A `metadata.resourceVersion` in it is a precondition: `Conflict`. */
  patch(resource: Resource, key: ObjectKey, body: object, options?: PatchOptions): Promise<StoredObject>;
  /** False when there was none. `Conflict` when a precondition does not hold. */
  delete(resource: Resource, key: ObjectKey, options?: DeleteOptions): Promise<boolean>;
  /** The kinds that an API (`v1`, `resource.k8s.io/v1`) serves; empty where it is not served. */
  kinds(apiVersion: string): Promise<ReadonlySet<string>>;
}

/** One request as it went. `error` only when there was no answer. */
export interface RequestSeen {
  verb: 'get' | 'list' | 'watch' | 'apply' | 'apply-status' | 'create' | 'patch' | 'delete' | 'discover';
  /** Plural of the resource. */
  resource: string;
  /** HTTP status; 0 without an answer. */
  status: number;
  seconds: number;
  error?: KubeError | undefined;
}
