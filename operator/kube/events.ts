/** Events, as `kubectl describe` and `kubectl get events` show them. */
import type { KubeClient } from './client.ts';
import type { Clock } from './clock.ts';
import { KubeError } from './error.ts';
import {
  Buckets,
  cutText,
  EVENTS,
  type EventSubject,
  type EventText,
  eventName,
  eventPatch,
  newEvent,
  type Series,
  seriesKey,
} from './event-series.ts';
import type { Log } from './log.ts';

export type { EventSubject, EventText } from './event-series.ts';

/** What became of one call of `record`: in an Event of its own, in the count of one, or nowhere. */
export type EventResult = 'sent' | 'merged' | 'dropped';

export interface EventRecorderOptions {
  /** Its requests must time out by themselves. */
  client: KubeClient;
  /** A qualified name: `modelship`, or `modelship.dev/operator`. */
  component: string;
  /** Of this process: what its name in the election is. */
  instance: string;
  clock: Clock;
  log: Log;
  /** Called once for each call of `record`, then or later. */
  onResult?: ((result: EventResult) => void) | undefined;
}

/** The same event this long after the one before is a new one. */
const SAME_WITHIN_MS = 10 * 60_000;
/** The first repeat is told at once; later ones at most this often. */
const TELL_EVERY_MS = 60_000;
const MOST_REMEMBERED = 2_000;
const MOST_WAITING = 200;
/** Requests about one subject. */
const RATE = { burst: 20, refillMs: 30_000 };
const RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 10_000;
/** How long `close` goes on sending what waits. */
const CLOSE_MS = 5_000;

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #buckets = new Buckets(RATE, MOST_REMEMBERED);
  /** In the order in which they last happened. */
  readonly #series = new Map<string, Series>();
  /** What waits to be sent, in order; each at most once. */
  readonly #waiting = new Set<Series>();
  #sending: Promise<void> | undefined;
  /** What is being sent. */
  #current: Series | undefined;
  #made = 0;
  #closeBy: number | undefined;
  /** Ends the wait before a second attempt. */
  #hurry: (() => void) | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** Never throws, never waits. What the API server would refuse for its length is cut. */
  record(subject: EventSubject, event: EventText): void {
    try {
      this.#record(subject, cutText(event));
    } catch (error) {
      this.#options.log.debug({ subject, reason: event?.reason, error }, 'an event could not be recorded');
    }
  }

  /** Waits for what is under way; what takes too long is dropped, and so is what is recorded from now on. */
  async close(): Promise<void> {
    this.#closeBy ??= this.#options.clock.now() + CLOSE_MS;
    for (const series of this.#series.values()) series.cancel?.();
    this.#hurry?.();
    await this.#sending;
  }

  #record(subject: EventSubject, event: EventText): void {
    const key = seriesKey(subject, event);
    const now = this.#options.clock.now();
    const known = this.#series.get(key);
    if (this.#closeBy !== undefined) this.#result('dropped');
    else if (known && now - known.lastNow < SAME_WITHIN_MS) this.#repeat(known);
    else if (!this.#buckets.take(subjectKey(subject), now)) this.#result('dropped');
    else this.#begin(key, subject, event);
  }

  #begin(key: string, subject: EventSubject, event: EventText): void {
    const { clock } = this.#options;
    const [now, wall] = [clock.now(), clock.wall()];
    const before = this.#series.get(key);
    if (before) this.#forget(before);
    const times = { firstWall: wall, lastWall: wall, lastNow: now };
    const series = { key, subject, event, ...times, name: '', count: 1, told: 0, settled: false, cancel: undefined };
    this.#rename(series);
    this.#series.set(key, series);
    if (this.#series.size > MOST_REMEMBERED) this.#forgetOldest();
    this.#enqueue(series);
  }

  #repeat(series: Series): void {
    const { clock } = this.#options;
    series.count++;
    series.lastWall = clock.wall();
    series.lastNow = clock.now();
    this.#series.delete(series.key);
    this.#series.set(series.key, series);
    this.#result('merged');
    // Where a later moment is set, it tells this one too.
    if (!series.cancel) this.#tell(series);
  }

  /** Sends the count now, and then not before a minute has passed. */
  #tell(series: Series): void {
    const { clock } = this.#options;
    const later = (): void => {
      series.cancel = undefined;
      if (series.count > series.told) this.#tell(series);
    };
    series.cancel = clock.after(TELL_EVERY_MS, later);
    if (this.#waiting.has(series)) return;
    if (this.#buckets.take(subjectKey(series.subject), clock.now())) this.#enqueue(series);
  }

  #enqueue(series: Series): void {
    this.#waiting.add(series);
    if (this.#waiting.size > MOST_WAITING) {
      const [oldest] = this.#waiting;
      if (oldest) {
        this.#waiting.delete(oldest);
        this.#giveUp(oldest);
      }
    }
    this.#sending ??= this.#sendAll();
  }

  /** One after the other: events keep their order, and a slow API server is not pressed. Never rejects. */
  async #sendAll(): Promise<void> {
    const { clock, log } = this.#options;
    // So that nothing happens within a call of `record`.
    await Promise.resolve();
    for (const series of this.#waiting) {
      this.#waiting.delete(series);
      this.#current = series;
      try {
        if (this.#closeBy !== undefined && clock.now() >= this.#closeBy) throw new Error('the recorder is closed');
        await this.#send(series);
      } catch (error) {
        const code = error instanceof KubeError ? error.code : undefined;
        const { subject, event } = series;
        const fields = { subject: `${subject.namespace}/${subject.name}`, reason: event.reason, error };
        if (code !== 'NamespaceTerminating') log.debug(fields, 'an event was not sent');
        this.#current = undefined;
        this.#giveUp(series);
      }
    }
    this.#current = undefined;
    // In the same turn in which nothing was left, or what comes next would wait for ever.
    this.#sending = undefined;
  }

  /** Twice at most, when what went wrong may pass. */
  async #send(series: Series): Promise<void> {
    try {
      await this.#request(series);
    } catch (error) {
      if (!(error instanceof KubeError && error.transient) || this.#closeBy !== undefined) throw error;
      await this.#moment(Math.min(LONGEST_RETRY_MS, Math.max(RETRY_MS, error.retryAfterMs ?? 0)));
      await this.#request(series);
    }
  }

  async #request(series: Series): Promise<void> {
    const { client } = this.#options;
    const { count, subject } = series;
    if (series.told > 0) {
      const key = { namespace: subject.namespace, name: series.name };
      const patched = await client.patch(EVENTS, key, eventPatch(series)).then(
        () => true,
        (error: unknown) => {
          if (error instanceof KubeError && error.code === 'NotFound') return false;
          throw error;
        },
      );
      // API servers forget Events, after an hour by default.
      if (!patched) this.#rename(series);
    }
    if (series.told === 0) await client.create(EVENTS, newEvent(series, this.#options)).catch(unlessThere);
    series.told = count;
    this.#settle(series, 'sent');
  }

  #rename(series: Series): void {
    const { clock, instance } = this.#options;
    series.name = eventName(series.subject.name, clock.wall(), instance, this.#made++);
    series.told = 0;
  }

  /** A count that is not told is told with the next one; an event that was never sent is one that never was. */
  #giveUp(series: Series): void {
    if (series.told > 0 || series === this.#current) return;
    this.#forget(series);
    this.#settle(series, 'dropped');
  }

  /** The result of the first occurrence. */
  #settle(series: Series, result: EventResult): void {
    if (!series.settled) this.#result(result);
    series.settled = true;
  }

  #forget(series: Series): void {
    series.cancel?.();
    this.#waiting.delete(series);
    if (this.#series.get(series.key) === series) this.#series.delete(series.key);
  }

  #forgetOldest(): void {
    const [oldest] = this.#series.values();
    if (oldest) this.#forget(oldest);
  }

  /** A wait that `close` cuts short. */
  #moment(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#hurry = () => {
        cancel();
        resolve();
      };
    });
  }

  #result(result: EventResult): void {
    try {
      this.#options.onResult?.(result);
    } catch (error) {
      this.#options.log.warn({ error }, 'what is told the result of events failed');
    }
  }
}

function subjectKey({ uid, namespace, kind, name }: EventSubject): string {
  return uid || `${kind}/${namespace}/${name}`;
}

/** Its name is ours alone: then an attempt whose answer was lost has made it. */
function unlessThere(error: unknown): void {
  if (!(error instanceof KubeError && error.code === 'AlreadyExists')) throw error;
}
