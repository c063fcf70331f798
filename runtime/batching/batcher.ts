/**
 * What stands in front of a model's executors: a bounded line of requests, merged into runs. It never waits while it
 * could run: what comes while all lanes are busy goes together in the next run. See docs/decisions/batching.md.
 */
import type { Clock } from '../clock.ts';
import { RequestError } from '../errors.ts';
import type { Done, Room, Runner, Work } from '../models/runner.ts';
import type { Signature } from '../protocol/signature.ts';
import { Execution, type Lane } from './execution.ts';
import { Line } from './line.ts';
import { Merging } from './merge.ts';
import { Sweep } from './sweep.ts';
import { Waiting } from './waiting.ts';

export type { Lane } from './execution.ts';

export interface BatcherOptions {
  /** What runs the model: one for the main thread, or one for each worker. Each gets one run at a time. */
  lanes: readonly Lane[];
  /**
   * Lanes block this thread. A run then starts in a `setImmediate` after the first request, so that those that are read
   * from sockets in one go are run together; where requests have come one at a time for a while, it starts within
   * `submit` all the same. False: it always does, if a lane is free.
   */
  eager: boolean;
  /** Most items (rows of dimension 0) of a run of several requests; a larger request runs alone. 1: no merging. */
  maxBatchSize: number;
  /** Most that a request waits for company while a lane is free, ms. 0: it does not wait. */
  maxDelayMs: number;
  signature: Signature;
  room: Room;
  clock: Clock;
  /** Told once if the model turns out not to bear merging, which is off from then on. */
  warn(message: string): void;
  /** How many of the first merged runs are held against runs alone, to find models that mix the rows. Default 2. */
  checks?: number;
}

export interface BatcherStats {
  /** Requests that wait, and the bytes of their bodies. */
  waiting: number;
  waitingBytes: number;
  /** Requests that are in a run. */
  running: number;
  /** Whether requests are merged: by the options, the signature, and what was learned. */
  merging: boolean;
  /** Merged runs so far that were run again, one request at a time. */
  repeated: number;
}

export interface Batcher extends Runner {
  stats(): BatcherStats;
}

export function createBatcher(options: BatcherOptions): Batcher {
  return new LaneBatcher(options);
}

const CHECKS = 2;
/** Turns of the loop in a row with one request each, after which the next one is not kept for company. */
const LONELY_TURNS = 8;

class LaneBatcher implements Batcher {
  readonly #options: BatcherOptions;
  readonly #clock: Clock;
  readonly #line: Line;
  readonly #merging: Merging;
  readonly #execution: Execution;
  readonly #sweep: Sweep;
  readonly #free: Lane[];
  /** Who waits for company, first come first. */
  readonly #held = new Set<Waiting>();
  #merges: boolean;
  #running = 0;
  /** A pump is due in a `setImmediate`. */
  #due = false;
  /** Requests that came in this turn of the loop, and how many turns before it had one each. */
  #came = 0;
  #lonely = 0;
  #cancelRipening: (() => void) | undefined;
  #onDrained: (() => void)[] = [];

  constructor(options: BatcherOptions) {
    const { lanes, clock, signature, maxBatchSize, checks = CHECKS } = options;
    this.#options = options;
    this.#clock = clock;
    this.#merging = new Merging(signature, maxBatchSize);
    this.#merges = this.#merging.hasItems && maxBatchSize > 1;
    this.#line = new Line(maxBatchSize);
    this.#execution = new Execution({ clock, checks, unmergeable: (why) => this.#stopMerging(why) });
    this.#sweep = new Sweep(clock, (now) => this.#expireLate(now));
    this.#free = [...lanes];
  }

  get pending(): number {
    return this.#line.size + this.#running;
  }

  stats(): BatcherStats {
    const { size, bytes } = this.#line;
    const { repeated } = this.#execution;
    return { waiting: size, waitingBytes: bytes, running: this.#running, merging: this.#merges, repeated };
  }

  submit(work: Work): Promise<Done> {
    const { size, bytes } = this.#line;
    if (!this.#hasRoom(work)) {
      const message = `the queue is full: ${size} requests of ${bytes} bytes wait already; try again later`;
      return Promise.reject(new RequestError('QUEUE_FULL', message, { 'retry-after': '1' }));
    }
    return new Promise((resolve, reject) => {
      const items = this.#merging.itemsOf(work.inputs);
      const key = this.#merges ? this.#merging.keyOf(work.inputs, work.outputs, items) : undefined;
      this.#enter(new Waiting(work, this.#clock.now(), items < 0 ? 1 : items, key, resolve, reject));
    });
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained.push(resolve);
      this.#settle();
    });
  }

  /** What a free lane is about to take does not count. */
  #hasRoom({ bytes: more, background }: Work): boolean {
    const { size, bytes } = this.#line;
    if (size === 0) return true;
    const { room } = this.#options;
    const share = background ? 0.5 : 1;
    return size < share * room.requests + this.#free.length && bytes + more <= share * room.bytes;
  }

  #enter(waiting: Waiting): void {
    const { maxDelayMs } = this.#options;
    const { work, since, key } = waiting;
    const holds = maxDelayMs > 0 && key !== undefined && work.deadline - since > maxDelayMs;
    this.#came++;
    this.#line.add(waiting, !holds);
    if (holds) this.#hold(waiting);
    this.#wake(!work.background);
    // What is under way already is not listened for, unless it may come to be run once more.
    if (!waiting.group && !waiting.together) return;
    waiting.listen((gone) => this.#leave(gone));
    if (waiting.group) this.#sweep.by(work.deadline);
  }

  /** Sees to it that free lanes get what may be run. */
  #wake(atOnce = false): void {
    if (this.#free.length === 0 || !this.#line.ready) return;
    if (!this.#options.eager) {
      this.#pump();
    } else if (!this.#due) {
      this.#due = true;
      setImmediate(this.#pumpDue);
      if (atOnce && this.#lonely >= LONELY_TURNS) this.#pump();
    }
  }

  readonly #pumpDue = (): void => {
    this.#due = false;
    this.#lonely = this.#came === 1 ? this.#lonely + 1 : 0;
    this.#came = 0;
    this.#pump();
  };

  #pump(): void {
    const now = this.#clock.now();
    const late: Waiting[] = [];
    while (this.#free.length > 0) {
      const members = this.#line.take(now, late);
      if (members.length === 0) break;
      void this.#run(this.#free.pop() as Lane, members, now);
    }
    for (const waiting of late) this.#expire(waiting, now);
    if (late.length > 0) this.#settle();
  }

  async #run(lane: Lane, members: readonly Waiting[], now: number): Promise<void> {
    this.#running += members.length;
    if (this.#held.size > 0) for (const member of members) this.#held.delete(member);
    if (members.length > 1) for (const member of members) member.together = true;
    await this.#execution.run(lane, members, now);
    this.#running -= members.length;
    this.#free.push(lane);
    this.#wake();
    this.#settle();
  }

  /** Its caller hung up. */
  #leave(waiting: Waiting): void {
    if (!waiting.group) {
      waiting.gone = true;
      return;
    }
    this.#line.remove(waiting);
    this.#held.delete(waiting);
    waiting.abandon();
    this.#settle();
  }

  #expire(waiting: Waiting, now: number): void {
    this.#held.delete(waiting);
    waiting.expire(now);
  }

  #stopMerging(why: string): void {
    if (!this.#merges) return;
    this.#merges = false;
    this.#held.clear();
    this.#line.stopMerging();
    const mend = 'set serving.batching.maxBatchSize to 1, or export the model with a batch dimension';
    this.#options.warn(`requests are no longer merged, each runs alone: ${why}; ${mend}`);
  }

  #hold(waiting: Waiting): void {
    this.#held.add(waiting);
    this.#cancelRipening ??= this.#clock.after(Math.ceil(this.#options.maxDelayMs), this.#ripen);
  }

  /** What has waited for company long enough waits no more. */
  readonly #ripen = (): void => {
    this.#cancelRipening = undefined;
    const { maxDelayMs } = this.#options;
    const now = this.#clock.now();
    for (const waiting of this.#held) {
      const left = waiting.since + maxDelayMs - now;
      if (left > 0) {
        this.#cancelRipening = this.#clock.after(Math.ceil(left), this.#ripen);
        break;
      }
      this.#held.delete(waiting);
      this.#line.ripen(waiting);
    }
    this.#wake();
  };

  /** Answers what expires while all lanes are busy; what is taken late is caught by `take`. */
  #expireLate(now: number): number {
    const { late, next } = this.#line.expire(now);
    for (const waiting of late) this.#expire(waiting, now);
    this.#settle();
    return next;
  }

  /** Once nothing waits and nothing runs, whoever waits for that is told, and no timer keeps the model. */
  #settle(): void {
    if (this.#onDrained.length === 0 || this.pending > 0) return;
    this.#sweep.stop();
    this.#cancelRipening?.();
    this.#cancelRipening = undefined;
    for (const resolve of this.#onDrained.splice(0)) resolve();
  }
}
