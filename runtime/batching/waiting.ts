/** A request between `submit` and its answer. */
import { RequestError } from '../errors.ts';
import type { Done, Work } from '../models/runner.ts';
import type { Caller, Group } from './line.ts';
import type { Placed } from './order.ts';

export class Waiting implements Placed {
  readonly work: Work;
  /** When it came, ms of the clock. */
  readonly since: number;
  /** Items: rows of dimension 0; 1 where that means nothing. */
  readonly rows: number;
  /** Requests of one key may be run together; undefined: it runs alone. */
  readonly key: string | undefined;
  turn = 0;
  seq = 0;
  at = -1;
  caller: Caller | undefined;
  /** Where it waits; undefined once it has left the line. */
  group: Group | undefined;
  /** It no longer waits for company. */
  ripe = true;
  /** It was answered from a run. */
  succeeded = false;
  /** It is in a run with others, and may be run again alone. */
  together = false;
  /** Its caller hung up after it had left the line. */
  gone = false;
  readonly #resolve: (done: Done) => void;
  readonly #reject: (error: unknown) => void;
  #stopListening: (() => void) | undefined;

  constructor(
    work: Work,
    since: number,
    rows: number,
    key: string | undefined,
    resolve: (done: Done) => void,
    reject: (error: unknown) => void,
  ) {
    this.work = work;
    this.since = since;
    this.rows = rows;
    this.key = key;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** @param gone is called at most once, when the caller hangs up before the answer */
  listen(gone: (waiting: Waiting) => void): void {
    let called = false;
    const stop = this.work.onGone(() => {
      called = true;
      gone(this);
    });
    if (called) stop();
    else this.#stopListening = stop;
  }

  done(done: Done): void {
    this.succeeded = true;
    this.#stopListening?.();
    this.#resolve(done);
  }

  fail(error: unknown): void {
    this.#stopListening?.();
    this.#reject(error);
  }

  expire(now: number): void {
    const message = `the request waited ${Math.round(now - this.since)} ms and was not run`;
    this.fail(new RequestError('REQUEST_TIMEOUT', message));
  }

  abandon(): void {
    this.fail(new RequestError('CLIENT_GONE', 'the client hung up before the request was run'));
  }
}
