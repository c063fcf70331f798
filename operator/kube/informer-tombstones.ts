/** What is known to be gone, so that news that was under way does not bring it back. Bounded in number and age. */
import { supersedes } from './informer-version.ts';

const MOST = 10_000;
const LONGEST_MS = 10 * 60_000;

/** A version of an object, as far as its end goes. */
export interface Sighting {
  uid: string;
  /** resourceVersion */
  version: string;
  /** Whether it carries a `deletionTimestamp`. */
  deleting: boolean;
}

interface Tombstone {
  /** Nothing of this resourceVersion or older counts. */
  version: string | undefined;
  /** A delete succeeded: no version of it counts that is not being deleted. */
  deleted: boolean;
  at: number;
}

export class Tombstones {
  readonly #now: () => number;
  /** By uid, oldest first. */
  readonly #stones = new Map<string, Tombstone>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#stones.size;
  }

  /** The object left the watch at `version`. With a label selector it may come back, at a newer one. */
  left(uid: string, version: string): void {
    const before = this.#stones.get(uid);
    if (before?.version !== undefined && !supersedes(version, before.version)) return;
    this.#add(uid, version, before?.deleted ?? false);
  }

  /** A delete of it succeeded. @param version the newest one that is known */
  deleted(uid: string, version: string | undefined): void {
    this.#add(uid, version ?? this.#stones.get(uid)?.version, true);
  }

  /**
   * Whether this version of the object is news of something gone. A delete that succeeded may have left an object that
   * waits for its finalizers or its grace period; it carries a `deletionTimestamp` then and counts.
   */
  blocks({ uid, version, deleting }: Sighting): boolean {
    const stone = this.#stones.get(uid);
    if (!stone) return false;
    if (stone.version !== undefined && !supersedes(version, stone.version)) return true;
    return stone.deleted && !deleting;
  }

  /** A list that began at `since` knows of all deletions before that. */
  forgetBefore(since: number): void {
    for (const [uid, { at }] of this.#stones) if (at < since) this.#stones.delete(uid);
  }

  #add(uid: string, version: string | undefined, deleted: boolean): void {
    const at = this.#now();
    this.#stones.delete(uid);
    this.#stones.set(uid, { version, deleted, at });
    for (const [oldest, stone] of this.#stones) {
      if (this.#stones.size <= MOST && stone.at >= at - LONGEST_MS) return;
      this.#stones.delete(oldest);
    }
  }
}
