/**
 * Answers a question that was asked before without a run, and one that is being asked with the run that is under way.
 * See docs/decisions/batching.md.
 */
import type { Clock } from '../clock.ts';
import { RequestError } from '../errors.ts';
import type { Done, Room, Runner, Work } from '../models/runner.ts';
import { Answers, type AnswersOptions, copyOf } from './answers.ts';
import { questionKey } from './cache-key.ts';
import { expired, Flight, gone, type Wanting } from './flight.ts';
import { Sweep } from './sweep.ts';

export interface CacheOptions extends AnswersOptions {
  /** What runs the questions that are new. */
  inner: Runner;
  clock: Clock;
  /** For requests that wait for runs of others: as much as may wait for runs of their own. */
  room: Room;
}

export interface CacheStats {
  /** Requests so far that were answered from memory, that were run, and that joined a run. */
  hits: number;
  misses: number;
  joined: number;
  /** Answers that are kept, and their bytes. */
  entries: number;
  bytes: number;
  /** Answers so far that had to go for others before their time. */
  evictions: number;
}

export interface CachedRunner extends Runner {
  stats(): CacheStats;
}

export function createCachedRunner(options: CacheOptions): CachedRunner {
  return new ContentCache(options);
}

class ContentCache implements CachedRunner {
  readonly #inner: Runner;
  readonly #clock: Clock;
  readonly #room: Room;
  readonly #answers: Answers;
  readonly #sweep: Sweep;
  /** Runs under way that may be joined. */
  readonly #flights = new Map<string, Flight>();
  /** Runs under way, also those that nobody wants any more. */
  #aloft = 0;
  /** Requests that wait for the run of another, and the bytes of the bodies that they hold meanwhile. */
  #joiners = 0;
  #joinedBytes = 0;
  #hits = 0;
  #misses = 0;
  #joined = 0;
  #onLanded: (() => void)[] = [];

  constructor({ inner, clock, room, sizeBytes, ttlMs }: CacheOptions) {
    this.#inner = inner;
    this.#clock = clock;
    this.#room = room;
    this.#answers = new Answers({ sizeBytes, ttlMs });
    this.#sweep = new Sweep(clock, (now) => this.#expireLate(now));
  }

  get pending(): number {
    return this.#inner.pending + this.#joiners;
  }

  stats(): CacheStats {
    const { entries, bytes, evictions } = this.#answers;
    return { hits: this.#hits, misses: this.#misses, joined: this.#joined, entries, bytes, evictions };
  }

  async drained(): Promise<void> {
    await this.#inner.drained();
    if (this.#aloft > 0) await new Promise<void>((resolve) => this.#onLanded.push(resolve));
    if (this.pending > 0) return this.drained();
    this.#sweep.stop();
  }

  submit(work: Work): Promise<Done> {
    if (work.background) return this.#inner.submit(work);
    const key = questionKey(work.inputs, work.outputs);
    const now = this.#clock.now();
    const answer = this.#answers.find(key, now);
    if (answer) {
      this.#hits++;
      const { outputs, items } = answer;
      return Promise.resolve({ outputs, queued: 0, computed: 0, batch: items, items, first: false, from: 'cache' });
    }
    const flight = this.#flights.get(key);
    if (!flight) {
      this.#misses++;
      const first = new Flight(key, work);
      this.#flights.set(key, first);
      return this.#want(first, work, now, true);
    }
    if (!this.#hasRoom(work.bytes)) {
      const wait = `${this.#joiners} requests of ${this.#joinedBytes} bytes wait for runs of identical ones already`;
      const message = `the queue is full: ${wait}; try again later`;
      return Promise.reject(new RequestError('QUEUE_FULL', message, { 'retry-after': '1' }));
    }
    this.#joined++;
    this.#joiners++;
    return this.#want(flight, work, now, false);
  }

  #hasRoom(more: number): boolean {
    if (this.#joiners === 0) return true;
    const { requests, bytes } = this.#room;
    return this.#joiners < requests && this.#joinedBytes + more <= bytes;
  }

  #want(flight: Flight, work: Work, since: number, first: boolean): Promise<Done> {
    return new Promise((resolve, reject) => {
      const bytes = first ? 0 : work.bytes;
      const wanting: Wanting = { since, deadline: work.deadline, bytes, resolve, reject };
      this.#joinedBytes += bytes;
      flight.join(wanting);
      if (first) void this.#fly(flight);
      else this.#sweep.by(flight.earliest);
      const stop = work.onGone(() => {
        if (flight.wanted.has(wanting)) this.#leave(flight, wanting, gone());
      });
      if (flight.wanted.has(wanting)) wanting.stopListening = stop;
      else stop();
    });
  }

  #leave(flight: Flight, wanting: Wanting, error: RequestError): void {
    this.#joinedBytes -= wanting.bytes;
    if (!flight.leave(wanting, error)) this.#joiners--;
    // It may be on its way out of the line: who asks now must not share its end.
    else this.#forget(flight);
  }

  #forget(flight: Flight): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
  }

  async #fly(flight: Flight): Promise<void> {
    this.#aloft++;
    try {
      const done = await this.#done(flight);
      this.#land(flight);
      this.#answers.keep(flight.key, done, this.#clock.now());
      this.#answer(flight, done);
    } catch (error) {
      this.#land(flight);
      for (const wanting of flight.wanted) {
        wanting.stopListening?.();
        wanting.reject(error);
      }
    }
    flight.wanted.clear();
    if (--this.#aloft === 0) for (const resolve of this.#onLanded.splice(0)) resolve();
  }

  /** Who joined when the work was just found expired has time left: for them it is asked once more. */
  async #done(flight: Flight): Promise<Done> {
    for (;;) {
      try {
        return await this.#inner.submit(flight);
      } catch (error) {
        const now = this.#clock.now();
        if (!isExpiry(error) || flight.deadline <= now) throw error;
        for (const wanting of flight.wanted) if (wanting.deadline <= now) this.#leave(flight, wanting, error);
        if (flight.wanted.size === 0) throw error;
      }
    }
  }

  #land(flight: Flight): void {
    this.#forget(flight);
    this.#joiners -= Math.max(0, flight.wanted.size - 1);
    for (const { bytes } of flight.wanted) this.#joinedBytes -= bytes;
  }

  /** The first of them has the run as its own, so that it is counted once. */
  #answer({ wanted }: Flight, done: Done): void {
    const now = this.#clock.now();
    let first = true;
    for (const { since, resolve, stopListening } of wanted) {
      stopListening?.();
      const computed = Math.min(done.computed, now - since);
      const queued = now - since - computed;
      if (first) resolve(done);
      else resolve({ ...done, outputs: done.outputs.map(copyOf), queued, computed, first: false, from: 'joined' });
      first = false;
    }
  }

  /**
   * Answers those whose time is up before that of the work that they share. The work's own deadline is for `inner` to
   * keep: what runs then is answered late, as without a cache.
   */
  #expireLate(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const flight of this.#flights.values()) {
      for (const wanting of flight.wanted) {
        if (wanting.deadline === flight.deadline) continue;
        if (wanting.deadline <= now) this.#leave(flight, wanting, expired(wanting, now));
        else next = Math.min(next, wanting.deadline);
      }
    }
    return next;
  }
}

function isExpiry(error: unknown): error is RequestError {
  return error instanceof RequestError && error.code === 'REQUEST_TIMEOUT';
}
