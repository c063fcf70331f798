/**
 * Reads pods' reports in the background, so that no pass waits for a pod. A pass says which reports it wants; when one
 * has come the key is looked at again. Bounded: reads at a time, and one report a pod that is wanted.
 */
import type { Clock } from '../kube/clock.ts';
import type { PodAddress, ReportRead, ReportSource } from './reports.ts';

export interface ReportKeeperOptions {
  source: ReportSource;
  clock: Clock;
  /** Most reads at a time. */
  concurrency?: number;
  /** A report of a pod of this key came, or could not be had. */
  onRead(key: string): void;
}

/** A pod, and how old its report may be, ms. */
export interface Wanted {
  uid: string;
  pod: PodAddress;
  maxAgeMs: number;
  /** Names of metrics of the process's own that the report is to hold. */
  custom?: readonly string[];
}

interface Entry {
  key: string;
  uid: string;
  pod: PodAddress;
  custom: readonly string[] | undefined;
  read: ReportRead | undefined;
  /** When it was read last. */
  at: number;
  /** When what was read last was asked for: it holds nothing that was counted later than `at`, nor misses what was before this. */
  askedAt: number;
  reading: boolean;
  /** Failed reads in a row. */
  failures: number;
}

const CONCURRENCY = 32;
/** A pod that does not answer is asked less and less often. */
const MOST_PATIENCE_MS = 60_000;

export class ReportKeeper {
  readonly #options: ReportKeeperOptions;
  readonly #byKey = new Map<string, Map<string, Entry>>();
  /** In the order in which they were wanted. */
  readonly #waiting = new Set<Entry>();
  #reading = 0;
  #stopped = false;

  constructor(options: ReportKeeperOptions) {
    this.#options = options;
  }

  /** Reports that are kept or asked for. */
  get size(): number {
    let kept = 0;
    for (const entries of this.#byKey.values()) kept += entries.size;
    return kept;
  }

  /**
   * The reports that are known of these pods, by UID; older ones than wanted are read again. What was wanted of the key
   * before and is not now is forgotten.
   * @returns `lookAgain`: ms until the next one is too old; undefined when nothing is wanted
   */
  want(key: string, pods: readonly Wanted[]): { known: Map<string, ReportRead>; lookAgain: number | undefined } {
    const before = this.#byKey.get(key);
    const entries = new Map<string, Entry>();
    const known = new Map<string, ReportRead>();
    let lookAgain: number | undefined;
    for (const { uid, pod, maxAgeMs, custom } of pods) {
      const entry = before?.get(uid) ?? newEntry(key, uid, pod);
      entry.pod = pod;
      entry.custom = custom;
      entries.set(uid, entry);
      if (entry.read) known.set(uid, entry.read);
      const due = entry.at + patience(maxAgeMs, entry.failures) - this.#options.clock.now();
      if (due <= 0) this.#line(entry);
      else lookAgain = Math.min(lookAgain ?? due, due);
    }
    for (const [uid, entry] of before ?? []) if (!entries.has(uid)) this.#waiting.delete(entry);
    if (entries.size > 0) this.#byKey.set(key, entries);
    else this.#byKey.delete(key);
    this.#pump();
    return { known, lookAgain };
  }

  /** When each report that is known of the key was asked for, by UID, ms of the clock. */
  askedAt(key: string): Map<string, number> {
    const entries = [...(this.#byKey.get(key)?.values() ?? [])];
    return new Map(entries.flatMap(({ uid, read, askedAt }) => (read ? [[uid, askedAt] as const] : [])));
  }

  forget(key: string): void {
    for (const entry of this.#byKey.get(key)?.values() ?? []) this.#waiting.delete(entry);
    this.#byKey.delete(key);
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
    this.#byKey.clear();
  }

  #line(entry: Entry): void {
    if (!entry.reading && !this.#stopped) this.#waiting.add(entry);
  }

  #pump(): void {
    for (const entry of this.#waiting) {
      if (this.#reading >= (this.#options.concurrency ?? CONCURRENCY)) return;
      this.#waiting.delete(entry);
      this.#reading++;
      entry.reading = true;
      void this.#readNow(entry);
    }
  }

  async #readNow(entry: Entry): Promise<void> {
    const askedAt = this.#options.clock.now();
    const read = await this.#options.source.read(entry.pod, entry.custom);
    entry.askedAt = askedAt;
    this.#reading--;
    entry.reading = false;
    entry.read = read;
    entry.failures = read.ok ? 0 : entry.failures + 1;
    entry.at = this.#options.clock.now();
    if (this.#stopped) return;
    // Nobody may want it any more.
    if (this.#byKey.get(entry.key)?.get(entry.uid) === entry) this.#options.onRead(entry.key);
    this.#pump();
  }
}

function newEntry(key: string, uid: string, pod: PodAddress): Entry {
  const never = Number.NEGATIVE_INFINITY;
  return { key, uid, pod, custom: undefined, read: undefined, at: never, askedAt: never, reading: false, failures: 0 };
}

function patience(maxAgeMs: number, failures: number): number {
  return failures === 0 ? maxAgeMs : Math.min(MOST_PATIENCE_MS, maxAgeMs * 2 ** Math.min(failures, 10));
}
