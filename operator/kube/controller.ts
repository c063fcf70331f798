/** The loop around a reconciler: keys in, workers, outcomes out. Knows nothing of what a key stands for. */
import type { Clock, Random } from './clock.ts';
import { KubeError } from './error.ts';
import type { Log } from './log.ts';
import type { OperatorMetrics } from './metrics.ts';
import type { Outcome } from './outcome.ts';
import type { Backoff } from './rate-limit.ts';
import { type Settled, type Taken, WorkQueue } from './workqueue.ts';

export interface ControllerOptions {
  /** In log lines. */
  name: string;
  /**
   * Works on one key; never called twice at a time for the same one. What it throws is logged and counts as `retry`.
   * @param signal aborted when the controller stops
   */
  reconcile(key: string, signal: AbortSignal): Promise<Outcome>;
  /** Most keys at work at a time, 1 or more. */
  workers: number;
  clock: Clock;
  random: Random;
  log: Log;
  metrics?: OperatorMetrics | undefined;
  /** Default 250 ms doubling to 60 s. */
  backoff?: Backoff | undefined;
  /** Keys handed to workers in a second, all together. Default 100. */
  perSecond?: number | undefined;
  /** Keys handed to workers at once after a quiet time. Default 200. */
  burst?: number | undefined;
}

/** One key at work. */
interface Run {
  since: number;
  abort: AbortController;
  ended: Promise<void>;
}

/** An outcome, or an exception in place of one. */
interface Ending {
  kind: Outcome['kind'] | 'error';
  settled: Settled;
  reason?: string;
  error?: Error;
}

/** From this failure in a row on a retry is a warning. */
const WARN_FROM = 3;

export class Controller {
  readonly #options: ControllerOptions;
  readonly #queue: WorkQueue;
  readonly #runs = new Map<string, Run>();
  #started = false;
  #stopped: Promise<void> | undefined;

  /** @throws RangeError for a number of workers, a rate or a backoff that makes no sense */
  constructor(options: ControllerOptions) {
    const { clock, random, backoff, perSecond, burst, workers } = options;
    if (!(Number.isInteger(workers) && workers >= 1)) {
      throw new RangeError(`workers of controller ${options.name} is ${workers}; it must be a whole number above 0`);
    }
    this.#options = options;
    this.#queue = new WorkQueue({ clock, random, backoff, perSecond, burst, onReady: () => this.#pump() });
    options.metrics?.watchQueue(options.name, () => ({
      depth: this.depth,
      oldestSeconds: this.#queue.oldestMs / 1_000,
      working: this.working,
      longestWorkingSeconds: (this.longestRun?.ms ?? 0) / 1_000,
    }));
  }

  /**
   * Adds a key; now, or not before `delayMs`, with patience for others: see `WorkQueue.add`. Before `start` it waits, after
   * `stop` it is dropped. Ends the backoff of a key that failed.
   */
  add(key: string, delayMs?: number, patienceMs?: number): void {
    this.#queue.add(key, delayMs, patienceMs);
  }

  /** Starts handing out keys. A second call does nothing. @throws Error after `stop`: make another controller */
  start(): void {
    if (this.#stopped) throw new Error(`controller ${this.#options.name} was stopped and does not start again`);
    this.#started = true;
    this.#pump();
  }

  /**
   * Hands out nothing more, forgets what waits, aborts the signals, and resolves when those at work have come back.
   * There is no time limit: a reconciler that ignores its signal holds this up. Don't await it inside one.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Keys that are due and wait for a worker. Those that come later are not counted. */
  get depth(): number {
    return this.#queue.depth;
  }

  /** Keys at work. */
  get working(): number {
    return this.#runs.size;
  }

  /** The key that has been at work the longest, and for how long, ms. */
  get longestRun(): { key: string; ms: number } | undefined {
    const now = this.#options.clock.now();
    let longest: { key: string; ms: number } | undefined;
    for (const [key, { since }] of this.#runs) {
      if (longest === undefined || now - since > longest.ms) longest = { key, ms: now - since };
    }
    return longest;
  }

  async #stop(): Promise<void> {
    this.#queue.close();
    const runs = [...this.#runs.values()];
    for (const { abort } of runs) abort.abort();
    await Promise.all(runs.map(({ ended }) => ended));
  }

  #pump(): void {
    while (this.#started && !this.#stopped && this.#runs.size < this.#options.workers) {
      const taken = this.#queue.take();
      if (!taken) return;
      // A signal for each run: what a reconciler hangs on it goes with the run, not with the controller.
      const abort = new AbortController();
      // Not at once: whoever adds a key, perhaps in the middle of its own work, is done before the reconciler runs.
      const ended = Promise.resolve().then(() => this.#work(taken, abort.signal));
      this.#runs.set(taken.key, { since: this.#options.clock.now(), abort, ended });
    }
  }

  /** Never rejects. */
  async #work({ key, waitedMs }: Taken, signal: AbortSignal): Promise<void> {
    const { clock, log, metrics } = this.#options;
    metrics?.keyTaken(waitedMs / 1_000);
    const since = clock.now();
    const result = await this.#attempt(key, signal);
    const ms = clock.now() - since;
    // Before the queue hears of it: it may hand the same key out again in the same breath.
    this.#runs.delete(key);
    const ending = this.#settle(key, result);
    if (signal.aborted && ending.kind === 'error') {
      log.debug(this.#fields(key, ending, ms), `${key}: cut short, the controller stops`);
    } else {
      metrics?.reconciled(ending.kind, ms / 1_000);
      this.#log(key, ending, ms);
    }
    this.#pump();
  }

  async #attempt(key: string, signal: AbortSignal): Promise<Outcome | Error> {
    try {
      signal.throwIfAborted();
      return await this.#options.reconcile(key, signal);
    } catch (thrown) {
      return errorOf(thrown);
    }
  }

  #settle(key: string, result: Outcome | Error): Ending {
    if (result instanceof Error) {
      const afterMs = result instanceof KubeError ? result.retryAfterMs : undefined;
      const settled = this.#queue.done(key, { kind: 'retry', reason: result.message, afterMs });
      return { kind: 'error', settled, error: result };
    }
    try {
      const settled = this.#queue.done(key, result);
      return { kind: result.kind, settled, ...('reason' in result ? { reason: result.reason } : {}) };
    } catch (thrown) {
      return this.#settle(key, errorOf(thrown));
    }
  }

  #fields(key: string, { kind, settled, reason, error }: Ending, ms: number): object {
    return {
      controller: this.#options.name,
      key,
      outcome: kind,
      durationMs: Math.round(ms),
      ...(settled.failures > 0 ? { failures: settled.failures } : {}),
      ...(settled.dueInMs === undefined ? {} : { againInMs: Math.round(settled.dueInMs) }),
      ...(reason === undefined ? {} : { reason }),
      ...(error === undefined ? {} : { err: error }),
    };
  }

  /** Retries need no limit of their own here: the backoff spaces the lines of a key out to one a minute. */
  #log(key: string, ending: Ending, ms: number): void {
    const { level, message } = lineOf(ending);
    this.#options.log[level](this.#fields(key, ending, ms), `${key}: ${message}`);
  }
}

function lineOf({ kind, settled, reason, error }: Ending): { level: keyof Log; message: string } {
  switch (kind) {
    case 'done':
      return { level: 'debug', message: 'done' };
    case 'after':
      return { level: 'debug', message: 'done for now' };
    case 'terminal':
      return { level: 'info', message: `waits for a change: ${reason}` };
    case 'retry':
      return { level: settled.failures < WARN_FROM ? 'info' : 'warn', message: `tries again: ${reason}` };
    case 'error':
      return { level: 'error', message: `tries again, the reconciler threw: ${error?.message}` };
  }
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
