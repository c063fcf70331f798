/**
 * The objects of one informer, by key and by group. What comes in is weighed against what is held: an older version
 * never takes the place of a newer one, whichever way it came.
 */
import { type Sighting, Tombstones } from './informer-tombstones.ts';
import { supersedes, surelyNewer } from './informer-version.ts';
import { keyText, type ObjectKey, type StoredObject } from './object.ts';

export type Change<T> =
  | { type: 'added'; object: T }
  | { type: 'changed'; object: T; before: T }
  | { type: 'removed'; object: T };

export interface StoreOptions<T> {
  transform: (object: StoredObject) => T;
  index?: ((object: T) => string | undefined) | undefined;
  /** Milliseconds that only grow. */
  now: () => number;
  /** `transform` or `index` threw: this version is not taken, and the one held before it stays. */
  onRefused: (object: StoredObject, error: unknown) => void;
}

interface Entry<T> extends Sighting {
  object: T;
  group: string | undefined;
  /** When a write of our own returned this version; undefined when the API server told of it. */
  wroteAt: number | undefined;
}

/** What is known of a list once its first page is there. */
export interface ListFacts {
  /** When it was asked for, by the clock of the store. */
  began: number;
  resourceVersion: string;
  /** It is older than what was seen before: the API server went back in time, to a backup. */
  rewound: boolean;
}

/** A list under way. It becomes the content of the store only when it is whole. */
export interface Draft<T> extends ListFacts {
  /** By key. */
  readonly entries: Map<string, Entry<T>>;
  /** Uids by key of what is there in a version that was refused. */
  readonly refused: Map<string, string>;
}

export class Store<T extends StoredObject> {
  readonly #options: StoreOptions<T>;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #groups = new Map<string, Map<string, T>>();
  readonly #tombstones: Tombstones;

  constructor(options: StoreOptions<T>) {
    this.#options = options;
    this.#tombstones = new Tombstones(options.now);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#entries.get(keyText(key))?.object;
  }

  list(): T[] {
    return Array.from(this.#entries.values(), ({ object }) => object);
  }

  indexed(value: string): T[] {
    return [...(this.#groups.get(value)?.values() ?? [])];
  }

  /** ADDED and MODIFIED of a watch. */
  put(raw: StoredObject): Change<T>[] {
    if (!this.#isNews(raw)) return [];
    const entry = this.#read(raw);
    const key = keyText(raw.metadata);
    const held = this.#entries.get(key);
    if (entry) return this.#set(key, entry);
    // Unreadable, but it does say that what had the name before is gone.
    return held && held.uid !== raw.metadata.uid ? this.#delete(key) : [];
  }

  /** DELETED of a watch. */
  drop({ metadata }: StoredObject): Change<T>[] {
    this.#tombstones.left(metadata.uid, metadata.resourceVersion);
    const key = keyText(metadata);
    const held = this.#entries.get(key);
    if (held?.uid !== metadata.uid || surelyNewer(held.version, metadata.resourceVersion)) return [];
    return this.#delete(key);
  }

  /** What a write returned. Says nothing. */
  wrote(raw: StoredObject): void {
    if (!this.#isNews(raw)) return;
    const entry = this.#read(raw);
    if (entry) this.#set(keyText(raw.metadata), { ...entry, wroteAt: this.#options.now() });
  }

  /** After a delete that succeeded. Says nothing. */
  removed(key: ObjectKey, uid: string): void {
    const text = keyText(key);
    const held = this.#entries.get(text);
    const isHeld = held?.uid === uid;
    this.#tombstones.deleted(uid, isHeld ? held.version : undefined);
    if (isHeld) this.#delete(text);
  }

  draft(facts: ListFacts): Draft<T> {
    return { ...facts, entries: new Map(), refused: new Map() };
  }

  /** Takes an object of a list; one that is held in this very version is not read again. */
  include(draft: Draft<T>, raw: StoredObject): void {
    const key = keyText(raw.metadata);
    const held = this.#entries.get(key);
    // After a restore the same number may stand for another content.
    const known = held && !draft.rewound && isSame(held, sighting(raw));
    const entry = known ? held : this.#read(raw);
    if (entry) draft.entries.set(key, entry);
    else draft.refused.set(key, raw.metadata.uid);
  }

  /**
   * Makes a whole list the content. What a write of ours returned stays where it is newer than the list; of a list that
   * is rewound, only when it was also returned since the list began.
   */
  replace({ began, resourceVersion, rewound, entries, refused }: Draft<T>): Change<T>[] {
    this.#tombstones.forgetBefore(began);
    const outlives = ({ wroteAt, version }: Entry<T>): boolean =>
      wroteAt !== undefined && surelyNewer(version, resourceVersion) && (!rewound || wroteAt >= began);
    const changes: Change<T>[] = [];
    for (const [key, held] of [...this.#entries]) {
      const listed = entries.has(key) || refused.get(key) === held.uid;
      if (!listed && !outlives(held)) changes.push(...this.#delete(key));
    }
    for (const [key, entry] of entries) {
      const held = this.#entries.get(key);
      if (held && (outlives(held) || (!rewound && isSame(held, entry)))) continue;
      if (!this.#tombstones.blocks(entry)) changes.push(...this.#set(key, entry));
    }
    return changes;
  }

  #isNews(raw: StoredObject): boolean {
    const held = this.#entries.get(keyText(raw.metadata));
    if (held && !supersedes(raw.metadata.resourceVersion, held.version)) return false;
    return !this.#tombstones.blocks(sighting(raw));
  }

  #read(raw: StoredObject): Entry<T> | undefined {
    try {
      const object = this.#options.transform(raw);
      return { ...sighting(raw), object, group: this.#options.index?.(object), wroteAt: undefined };
    } catch (error) {
      this.#options.onRefused(raw, error);
      return undefined;
    }
  }

  #set(key: string, entry: Entry<T>): Change<T>[] {
    const before = this.#entries.get(key);
    const { object } = entry;
    if (before && before.uid !== entry.uid) return [...this.#delete(key), ...this.#set(key, entry)];
    if (before) this.#ungroup(key, before);
    this.#entries.set(key, entry);
    if (entry.group !== undefined) {
      const group = this.#groups.get(entry.group) ?? new Map<string, T>();
      this.#groups.set(entry.group, group.set(key, object));
    }
    return before ? [{ type: 'changed', object, before: before.object }] : [{ type: 'added', object }];
  }

  #delete(key: string): Change<T>[] {
    const held = this.#entries.get(key);
    if (!held) return [];
    this.#entries.delete(key);
    this.#ungroup(key, held);
    return [{ type: 'removed', object: held.object }];
  }

  #ungroup(key: string, { group: name }: Entry<T>): void {
    if (name === undefined) return;
    const group = this.#groups.get(name);
    group?.delete(key);
    if (group?.size === 0) this.#groups.delete(name);
  }
}

function sighting({ metadata }: StoredObject): Sighting {
  const { uid, resourceVersion, deletionTimestamp } = metadata;
  return { uid, version: resourceVersion, deleting: deletionTimestamp !== undefined };
}

function isSame(a: Sighting, b: Sighting): boolean {
  return a.uid === b.uid && a.version === b.version;
}
