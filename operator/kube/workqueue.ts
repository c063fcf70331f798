/** The queue of keys that need work: one entry a key, one worker a key, who waits longest first, patience apart. */
import type { Clock, Random } from './clock.ts';
import { Heap, type Placed } from './heap.ts';
import type { Outcome } from './outcome.ts';
import { type Backoff, backoffMs, DEFAULT_BACKOFF, TokenBucket } from './rate-limit.ts';

export interface WorkQueueOptions {
  clock: Clock;
  random: Random;
  /** Of a key that failed. Default 250 ms doubling to 60 s. */
  backoff?: Backoff | undefined;
  /** Keys handed out in a second, all together. Default 100. */
  perSecond?: number | undefined;
  /** Keys handed out at once after a quiet time. Default 200. */
  burst?: number | undefined;
  /** Called when there may be a key to take; sometimes in vain. Not called again for a key that was left lying. */
  onReady?: (() => void) | undefined;
}

export interface Taken {
  key: string;
  /** How long it waited since it was due. */
  waitedMs: number;
}

/** What became of a key whose work is done. */
export interface Settled {
  /** In a row; 0 unless this one failed. */
  failures: number;
  /** When it is due again. Undefined: not before somebody adds it. */
  dueInMs: number | undefined;
}

interface Entry extends Placed {
  readonly key: string;
  /** When it may be handed out. While it is worked on: when again, ∞ for never. */
  due: number;
  /** Of those that are due, the lowest comes first: when it is due, and its patience on top. */
  rank: number;
  /** Breaks ties: who came first. */
  order: number;
  /** Which heap it is in; undefined while it is worked on. */
  heap: Heap<Entry> | undefined;
  failures: number;
}

/** `setTimeout` takes no more: it would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const NEVER = Number.POSITIVE_INFINITY;

/**
 * Keys that are due are handed out by when they were due plus their patience. So a key waits for those that were due
 * before it, and for those that become due within its patience; never for later ones, however many come. Without
 * patience that is: who has been due the longest.
 *
 * Memory: one entry for each key that waits or is worked on. A key that is neither is not known, and neither is a
 * failure of it: one that failed always waits for its next try.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #bucket: TokenBucket;
  readonly #entries = new Map<string, Entry>();
  /** Not due yet, as far as was looked. */
  readonly #later = new Heap<Entry>((a, b) => a.due < b.due || (a.due === b.due && a.order < b.order));
  /** Due. */
  readonly #ready = new Heap<Entry>((a, b) => a.rank < b.rank || (a.rank === b.rank && a.order < b.order));
  #orders = 0;
  #closed = false;
  #cancelTimer: () => void = () => {};

  /** @throws RangeError for a rate or a backoff that makes no sense */
  constructor(options: WorkQueueOptions) {
    const backoff = options.backoff ?? DEFAULT_BACKOFF;
    if (!(backoff.firstMs > 0 && backoff.firstMs <= backoff.maxMs)) {
      throw new RangeError(`backoff goes from ${backoff.firstMs} to ${backoff.maxMs} ms; it must go up, from above 0`);
    }
    this.#options = options;
    this.#clock = options.clock;
    this.#backoff = backoff;
    this.#bucket = new TokenBucket(options.clock, { perSecond: options.perSecond ?? 100, burst: options.burst ?? 200 });
  }

  /**
   * Adds the key; now, or not before `delayMs`; ∞ is never. `patienceMs`: how much longer it lets others go first once it
   * is due; with no one else there it waits for nobody. A key that waits keeps the earliest time, and the least patience
   * counted from its time. A key that is being worked on is handed out again after it is done.
   *
   * So an `add` without a delay also ends the wait of a key that failed, whatever its `afterMs`: something changed, and
   * that may have mended it. Its failures stay counted: should it fail again, the next backoff is the longer one. What
   * keeps such a key from spinning, when its own failing writes are what changes, is the limit on all keys together.
   * @throws RangeError when `delayMs` is not a number, or `patienceMs` is not finite
   */
  add(key: string, delayMs = 0, patienceMs = 0): void {
    const due = this.#clock.now() + delayOf(delayMs, key);
    const rank = due + patienceOf(patienceMs, key);
    if (this.#closed || due === NEVER) return;
    const entry = this.#entries.get(key);
    if (!entry) {
      const added: Entry = { key, due, rank, order: this.#orders++, place: -1, heap: undefined, failures: 0 };
      this.#entries.set(key, added);
      this.#wait(added);
    } else if (due < entry.due || rank < entry.rank) {
      if (due < entry.due) entry.order = this.#orders++;
      entry.due = Math.min(due, entry.due);
      entry.rank = Math.min(rank, entry.rank);
      if (entry.heap) this.#wait(entry);
    }
  }

  /**
   * Hands out the key whose turn it is. Undefined when none is due, or the limit on all keys says to wait: then `onReady`
   * says when to ask again. Who stops asking before that, for want of workers, must ask by itself once
   * there is one. Each key taken must be given back through `done`.
   */
  take(): Taken | undefined {
    const now = this.#clock.now();
    this.#ripen(now);
    const head = this.#ready.first;
    if (!head || !this.#bucket.take()) {
      this.#arm();
      return undefined;
    }
    this.#ready.shift();
    const waitedMs = now - head.due;
    head.heap = undefined;
    head.due = head.rank = NEVER;
    return { key: head.key, waitedMs };
  }

  /**
   * Gives back a key that was taken, and says when it comes again: the earlier of what the outcome asks for and what
   * was added meanwhile.
   * @throws RangeError, and the key stays taken, when the `ms` of an `after` is not a number, or its `patienceMs` not finite
   */
  done(key: string, outcome: Outcome): Settled {
    const entry = this.#entries.get(key);
    if (!entry || entry.heap) throw new Error(`${key} was given back to the queue but is not being worked on`);
    const failures = outcome.kind === 'retry' ? entry.failures + 1 : 0;
    const now = this.#clock.now();
    const again = now + this.#delayAfter(key, outcome, failures);
    const patience = outcome.kind === 'after' ? patienceOf(outcome.patienceMs ?? 0, key) : 0;
    const due = Math.min(entry.due, again);
    entry.failures = failures;
    entry.due = due;
    entry.rank = Math.min(entry.rank, again + patience);
    if (due === NEVER || this.#closed) {
      this.#entries.delete(key);
      return { failures, dueInMs: undefined };
    }
    entry.order = this.#orders++;
    this.#wait(entry);
    return { failures, dueInMs: Math.max(0, due - now) };
  }

  /** Forgets all that waits and takes nothing more. Keys that are being worked on may still be given back. */
  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    for (const heap of [this.#ready, this.#later]) {
      for (let entry = heap.shift(); entry; entry = heap.shift()) this.#entries.delete(entry.key);
    }
  }

  /** Keys that are due and wait for a worker, or for the limit on all keys. */
  get depth(): number {
    this.#ripen(this.#clock.now());
    return this.#ready.size;
  }

  /** Keys that wait, also those that are not due yet. */
  get waiting(): number {
    return this.#ready.size + this.#later.size;
  }

  /** How long the key that has been due the longest has waited; 0 when none is due. Costs time in proportion to those due. */
  get oldestMs(): number {
    const now = this.#clock.now();
    this.#ripen(now);
    let oldest = now;
    for (const { due } of this.#ready.values()) oldest = Math.min(oldest, due);
    return now - oldest;
  }

  /** The one place where an outcome becomes a time. ∞: not again. */
  #delayAfter(key: string, outcome: Outcome, failures: number): number {
    switch (outcome.kind) {
      case 'done':
      case 'terminal':
        return NEVER;
      case 'after':
        return delayOf(outcome.ms, key);
      case 'retry':
        // Not NaN either: what failed can always be given back.
        return Math.max(finite(outcome.afterMs), backoffMs(failures, this.#backoff, this.#options.random));
    }
  }

  /** Puts the entry where its time belongs, and sees to it that this time is not missed. */
  #wait(entry: Entry): void {
    const now = this.#clock.now();
    this.#put(entry, entry.due <= now ? this.#ready : this.#later);
    if (this.#ready.first === entry) this.#options.onReady?.();
    // Where one is due, who takes it asks again until there is none.
    else if (this.#ready.size === 0 && this.#later.first === entry) this.#arm();
  }

  #put(entry: Entry, heap: Heap<Entry>): void {
    if (entry.heap !== heap) entry.heap?.remove(entry);
    entry.heap = heap;
    heap.place(entry);
  }

  /** Lets what has become due since compete. */
  #ripen(now: number): void {
    for (let next = this.#later.first; next && next.due <= now; next = this.#later.first) this.#put(next, this.#ready);
  }

  #arm(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    const now = this.#clock.now();
    const due = this.#ready.size > 0 ? now : this.#later.first?.due;
    if (due === undefined) return;
    const wait = Math.max(Math.ceil(due - now), this.#bucket.waitMs(), 1);
    // Timers may fire early, or are cut to the longest: `take` then finds nothing and arms the next one.
    this.#cancelTimer = this.#clock.after(Math.min(wait, LONGEST_TIMER_MS), () => this.#options.onReady?.());
  }
}

function delayOf(ms: number, key: string): number {
  if (Number.isNaN(ms)) throw new RangeError(`the wait of ${key} is NaN; it must be a number of milliseconds`);
  return Math.max(0, ms);
}

function finite(ms: number | undefined): number {
  return ms !== undefined && Number.isFinite(ms) ? ms : 0;
}

function patienceOf(ms: number, key: string): number {
  if (!Number.isFinite(ms))
    throw new RangeError(`the patience of ${key} is ${ms}; it must be a number of milliseconds`);
  return Math.max(0, ms);
}
