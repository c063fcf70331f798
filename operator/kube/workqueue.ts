/** The queue of keys that need work: one entry a key, one worker a key, who waits longest first. */
import type { Clock, Random } from './clock.ts';
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

interface Entry {
  readonly key: string;
  /** When it may be handed out. While it is worked on: when again, ∞ for never. */
  due: number;
  /** Breaks ties: who came first. */
  order: number;
  /** Index in the heap; -1 while it is worked on. */
  place: number;
  failures: number;
}

/** `setTimeout` takes no more: it would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const NEVER = Number.POSITIVE_INFINITY;

/**
 * Memory: one entry for each key that waits or is worked on. A key that is neither is not known, and neither is a
 * failure of it: one that failed always waits for its next try.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #bucket: TokenBucket;
  readonly #entries = new Map<string, Entry>();
  readonly #heap = new DueHeap();
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
   * Adds the key; now, or not before `delayMs`; ∞ is never. A key that waits keeps the earliest time. A key that is
   * being worked on is handed out again after it is done.
   *
   * So an `add` without a delay also ends the wait of a key that failed, whatever its `afterMs`: something changed, and
   * that may have mended it. Its failures stay counted: should it fail again, the next backoff is the longer one. What
   * keeps such a key from spinning, when its own failing writes are what changes, is the limit on all keys together.
   * @throws RangeError when `delayMs` is not a number
   */
  add(key: string, delayMs = 0): void {
    const due = this.#clock.now() + delayOf(delayMs, key);
    if (this.#closed || due === NEVER) return;
    const entry = this.#entries.get(key);
    if (!entry) {
      const added = { key, due, order: 0, place: -1, failures: 0 };
      this.#entries.set(key, added);
      this.#wait(added);
    } else if (due < entry.due) {
      entry.due = due;
      if (entry.place !== -1) this.#wait(entry);
    }
  }

  /**
   * Hands out the key that has been due the longest. Undefined when none is due, or the limit on all keys says to wait:
   * then `onReady` says when to ask again. Who stops asking before that, for want of workers, must ask by itself once
   * there is one. Each key taken must be given back through `done`.
   */
  take(): Taken | undefined {
    const now = this.#clock.now();
    const head = this.#heap.first;
    if (!head || head.due > now || !this.#bucket.take()) {
      this.#arm();
      return undefined;
    }
    this.#heap.shift();
    const waitedMs = now - head.due;
    head.due = NEVER;
    return { key: head.key, waitedMs };
  }

  /**
   * Gives back a key that was taken, and says when it comes again: the earlier of what the outcome asks for and what
   * was added meanwhile.
   * @throws RangeError, and the key stays taken, when the `ms` of an `after` is not a number
   */
  done(key: string, outcome: Outcome): Settled {
    const entry = this.#entries.get(key);
    if (!entry || entry.place !== -1) throw new Error(`${key} was given back to the queue but is not being worked on`);
    const failures = outcome.kind === 'retry' ? entry.failures + 1 : 0;
    const now = this.#clock.now();
    const due = Math.min(entry.due, now + this.#delayAfter(key, outcome, failures));
    entry.failures = failures;
    entry.due = due;
    if (due === NEVER || this.#closed) {
      this.#entries.delete(key);
      return { failures, dueInMs: undefined };
    }
    this.#wait(entry);
    return { failures, dueInMs: Math.max(0, due - now) };
  }

  /** Forgets all that waits and takes nothing more. Keys that are being worked on may still be given back. */
  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    for (let entry = this.#heap.shift(); entry; entry = this.#heap.shift()) this.#entries.delete(entry.key);
  }

  /** Keys that are due and wait for a worker, or for the limit on all keys. Costs time in proportion to them. */
  get depth(): number {
    return this.#heap.countDue(this.#clock.now());
  }

  /** Keys that wait, also those that are not due yet. */
  get waiting(): number {
    return this.#heap.size;
  }

  /** How long the key that has been due the longest has waited; 0 when none is due. */
  get oldestMs(): number {
    const { first } = this.#heap;
    return first ? Math.max(0, this.#clock.now() - first.due) : 0;
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
        return Math.max(outcome.afterMs || 0, backoffMs(failures, this.#backoff, this.#options.random));
    }
  }

  /** Puts the entry where its time belongs, and sees to it that this time is not missed. */
  #wait(entry: Entry): void {
    entry.order = this.#orders++;
    this.#heap.place(entry);
    if (this.#heap.first !== entry) return;
    if (entry.due <= this.#clock.now()) this.#options.onReady?.();
    else this.#arm();
  }

  #arm(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    const head = this.#heap.first;
    if (!head) return;
    const wait = Math.max(Math.ceil(head.due - this.#clock.now()), this.#bucket.waitMs(), 1);
    // Timers may fire early, or are cut to the longest: `take` then finds nothing and arms the next one.
    this.#cancelTimer = this.#clock.after(Math.min(wait, LONGEST_TIMER_MS), () => this.#options.onReady?.());
  }
}

function delayOf(ms: number, key: string): number {
  if (Number.isNaN(ms)) throw new RangeError(`the wait of ${key} is NaN; it must be a number of milliseconds`);
  return Math.max(0, ms);
}

/** Entries by (due, order). Each knows its index, so an earlier time moves it and leaves nothing stale behind. */
class DueHeap {
  readonly #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  get first(): Entry | undefined {
    return this.#entries[0];
  }

  /** Puts a new entry in, or moves one whose time became earlier. */
  place(entry: Entry): void {
    if (entry.place === -1) entry.place = this.#entries.push(entry) - 1;
    for (;;) {
      const parent = this.#entries[(entry.place - 1) >> 1];
      if (!parent || !before(entry, parent)) return;
      this.#swap(parent, entry);
    }
  }

  shift(): Entry | undefined {
    const [first] = this.#entries;
    const last = this.#entries.at(-1);
    if (!first || !last) return undefined;
    this.#swap(first, last);
    this.#entries.pop();
    first.place = -1;
    if (last !== first) this.#sink(last);
    return first;
  }

  countDue(now: number, from = 0): number {
    const entry = this.#entries[from];
    if (!entry || entry.due > now) return 0;
    return 1 + this.countDue(now, 2 * from + 1) + this.countDue(now, 2 * from + 2);
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#entries[2 * entry.place + 1];
      const right = this.#entries[2 * entry.place + 2];
      const child = left && right && before(right, left) ? right : left;
      if (!child || before(entry, child)) return;
      this.#swap(entry, child);
    }
  }

  #swap(a: Entry, b: Entry): void {
    [a.place, b.place] = [b.place, a.place];
    this.#entries[a.place] = a;
    this.#entries[b.place] = b;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
