/** One event that happened once or more, what of it is sent, and how many of them a subject may have. */
import { createHash } from 'node:crypto';
import { microTime } from './lease-record.ts';
import type { Manifest, Resource } from './object.ts';

export const EVENTS: Resource = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true };

export interface EventSubject {
  apiVersion: string;
  kind: string;
  name: string;
  namespace: string;
  uid: string;
  resourceVersion?: string;
}

export interface EventText {
  type: 'Normal' | 'Warning';
  /** CamelCase. */
  reason: string;
  message: string;
  /** What was being done; the reason when left out. */
  action?: string;
}

/** The same thing happening to the same subject, as often as it did. */
export interface Series {
  readonly key: string;
  readonly subject: EventSubject;
  readonly event: EventText;
  /** Of the Event; another one when the first has expired. */
  name: string;
  count: number;
  /** How many of them the API server was told; 0: there is no Event yet. */
  told: number;
  /** Whether it is known what became of the first. */
  settled: boolean;
  /** Milliseconds since 1970. */
  readonly firstWall: number;
  lastWall: number;
  /** By the clock that only grows. */
  lastNow: number;
  /** Cancels telling the count later. */
  cancel: (() => void) | undefined;
}

/** Bytes. */
const LONGEST_NOTE = 1_024;
const LONGEST_WORD = 128;
/** An object's name is 253 characters at most; a dot and 19 digits follow. */
const LONGEST_SUBJECT = 233;

/** What is known by it is the same event. */
export function seriesKey({ namespace, kind, name, uid }: EventSubject, { type, reason, message }: EventText): string {
  return [uid, namespace, kind, name, type, reason, message].join('\0');
}

/** An event with all that the API server would refuse for its length cut. */
export function cutText({ type, reason, message, action }: EventText): Required<EventText> {
  return {
    type,
    reason: cut(reason, LONGEST_WORD),
    message: cut(message, LONGEST_NOTE),
    action: cut(action || reason, LONGEST_WORD),
  };
}

/** To so many bytes of UTF-8, with a sign that something is missing. */
function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const kept = Buffer.from(text).subarray(0, bytes - Buffer.byteLength('…'));
  // Half a character at the end reads as U+FFFD.
  return `${kept.toString().replace(/\uFFFD+$/, '')}…`;
}

/**
 * SUBJECT.HEX: unique by the time, the reporting process and how many it has made.
 * @param wall milliseconds since 1970
 */
export function eventName(subject: string, wall: number, instance: string, made: number): string {
  const time = Math.trunc(wall).toString(16).padStart(11, '0');
  const who = createHash('sha256').update(instance).digest('hex').slice(0, 4);
  const which = (made % 0x10000).toString(16).padStart(4, '0');
  return `${subject.slice(0, LONGEST_SUBJECT).replace(/[.-]+$/, '')}.${time}${who}${which}`;
}

function seriesField({ count, lastWall }: Series): object {
  return { count, lastObservedTime: microTime(lastWall) };
}

/** The Event as it is created. */
export function newEvent(series: Series, reporter: { component: string; instance: string }): Manifest {
  const { subject, event, name } = series;
  const { apiVersion, kind, namespace, uid, resourceVersion } = subject;
  return {
    apiVersion: EVENTS.apiVersion,
    kind: EVENTS.kind,
    metadata: { name, namespace: subject.namespace },
    eventTime: microTime(series.firstWall),
    reportingController: reporter.component,
    reportingInstance: cut(reporter.instance, LONGEST_WORD),
    action: event.action,
    reason: event.reason,
    regarding: { apiVersion, kind, name: subject.name, namespace, uid, resourceVersion },
    note: event.message,
    type: event.type,
    ...(series.count > 1 && { series: seriesField(series) }),
  };
}

/** How often it has happened by now; nothing else of an Event may change. */
export function eventPatch(series: Series): object {
  return { series: seriesField(series) };
}

export interface BucketRate {
  burst: number;
  refillMs: number;
}

/** One token bucket for each subject; the subjects that were heard of longest ago are forgotten. */
export class Buckets {
  readonly #rate: BucketRate;
  readonly #most: number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(rate: BucketRate, most: number) {
    this.#rate = rate;
    this.#most = most;
  }

  /** @returns whether there was a token */
  take(key: string, now: number): boolean {
    const { burst, refillMs } = this.#rate;
    const before = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, before.tokens + (now - before.at) / refillMs);
    const taken = tokens >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: taken ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > this.#most) this.#buckets.delete(this.#buckets.keys().next().value ?? '');
    return taken;
  }
}
