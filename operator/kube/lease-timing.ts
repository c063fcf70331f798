/** How long a Lease is good for, and what one term of leadership may do with that. */
import type { Clock } from './clock.ts';
import { KubeError } from './error.ts';
import type { Claim, LeaseRecord } from './lease-record.ts';

/** Milliseconds. renewDeadlineMs + writeTimeoutMs < leaseMs, and retryMs < renewDeadlineMs. */
export interface LeaseTiming {
  /** For how long others leave a Lease alone that they see unchanged. Kubernetes keeps whole seconds: rounded up there. */
  leaseMs: number;
  /** For how long after a renewal was sent its holder leads. */
  renewDeadlineMs: number;
  /** Between two renewals, and between two looks of those who wait. */
  retryMs: number;
  /** The client's time-out of a request. */
  writeTimeoutMs: number;
}

const DEFAULTS: LeaseTiming = { leaseMs: 15_000, renewDeadlineMs: 8_000, retryMs: 2_000, writeTimeoutMs: 5_000 };

/** Throws a RangeError for a timing under which two could lead, or none could for long. */
export function leaseTiming(partial: Partial<LeaseTiming> = {}): LeaseTiming {
  const timing = { ...DEFAULTS, ...partial };
  const { leaseMs, renewDeadlineMs, retryMs, writeTimeoutMs } = timing;
  for (const [name, ms] of Object.entries(timing)) {
    if (!(Number.isFinite(ms) && ms > 0)) throw new RangeError(`${name} is ${ms}; give milliseconds above 0`);
  }
  if (renewDeadlineMs + writeTimeoutMs >= leaseMs) {
    throw new RangeError(
      `renewDeadlineMs + writeTimeoutMs is ${renewDeadlineMs} + ${writeTimeoutMs}, which is not less than leaseMs, ` +
        `${leaseMs}: a write could still be under way when another process leads; give a longer lease`,
    );
  }
  if (retryMs >= renewDeadlineMs) {
    throw new RangeError(
      `retryMs, ${retryMs}, is not less than renewDeadlineMs, ${renewDeadlineMs}: ` +
        'leadership would end before its first renewal; retry sooner',
    );
  }
  return timing;
}

/** Less than this is rounding. */
const LEAST_MS = 0.001;

/** A moment by both clocks of this machine. */
export interface Stamp {
  now: number;
  wall: number;
}

export function stamp(clock: Clock): Stamp {
  return { now: clock.now(), wall: clock.wall() };
}

/** One term of leadership: until the deadline after its last renewal was sent, or until it is ended. */
export class Term {
  readonly claim: Claim;
  /** Where the Lease was when last heard of; undefined when that is not known, so that it is to be read first. */
  resourceVersion: string | undefined;
  readonly #over = new AbortController();
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  #sent: Stamp;
  #cancel: (() => void) | undefined;

  /** @param sent when the request that won the Lease was sent */
  constructor(clock: Clock, deadlineMs: number, claim: Claim, sent: Stamp, resourceVersion: string) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
    this.claim = claim;
    this.#sent = sent;
    this.renewed(sent, resourceVersion);
  }

  /** Aborts when the term ends; the reason says why. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /**
   * Milliseconds for which it still lasts; 0 once it is over. The clock that only grows may stand still while a virtual
   * machine is paused; the wall clock may be set. So the one by which more time has passed counts.
   */
  get left(): number {
    if (this.over.aborted) return 0;
    const passed = Math.max(this.#clock.now() - this.#sent.now, this.#clock.wall() - this.#sent.wall);
    const left = this.#deadlineMs - passed;
    return left > LEAST_MS ? left : 0;
  }

  /** @param sent when the renewal that succeeded was sent; when it was answered says nothing to others */
  renewed(sent: Stamp, resourceVersion: string): void {
    this.#sent = sent;
    this.resourceVersion = resourceVersion;
    this.#watch();
  }

  end(reason: string): void {
    this.#cancel?.();
    if (!this.over.aborted) this.#over.abort(new KubeError('NotLeader', reason));
  }

  /** A timer may fire early, and late after a suspension: only the clock decides. */
  #watch(): void {
    this.#cancel?.();
    const { left } = this;
    if (left > 0) this.#cancel = this.#clock.after(left, () => this.#watch());
    else this.end(`the Lease was not renewed within ${this.#deadlineMs} ms`);
  }
}

/**
 * A Lease in the name of another process. It has run out when we have seen no change of it for as long as it lasts, by
 * our own clock: the times that stand in it are those of another machine's.
 */
export class Rival {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  #seen: { version: string; holder: string; at: number; durationMs: number } | undefined;

  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
  }

  /** Undefined: none seen. */
  get holder(): string | undefined {
    return this.#seen?.holder;
  }

  /** Milliseconds until it runs out if nothing changes; 0 when it has run out, or none was seen. */
  get left(): number {
    return this.#seen ? Math.max(0, this.#seen.at + this.#seen.durationMs - this.#clock.now()) : 0;
  }

  /**
   * @param found as just read; undefined for a Lease that was deleted: its holder may still believe in it for a while
   * @returns left
   */
  observe(found: LeaseRecord | undefined): number {
    const version = found?.resourceVersion ?? 'deleted';
    if (this.#seen?.version !== version) {
      const holder = found?.holder ?? this.#seen?.holder ?? '';
      const durationMs = Math.max(this.#leaseMs, found?.durationMs ?? this.#seen?.durationMs ?? 0);
      this.#seen = { version, holder, at: this.#clock.now(), durationMs };
    }
    return this.left;
  }

  forget(): void {
    this.#seen = undefined;
  }
}

/** Waits, or until the signal ends. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
