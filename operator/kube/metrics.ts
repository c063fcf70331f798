/** What Prometheus sees of the operator. Every label has a bounded set of values; none of them is the name of an object. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { RequestSeen } from './client.ts';
import type { Outcome } from './outcome.ts';

/** Seconds. A pass over caches takes a millisecond; one that writes much to a slow API server, a minute. */
const RECONCILE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const QUEUE_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const REQUEST_SECONDS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const ENDINGS = ['done', 'after', 'retry', 'terminal', 'error'] as const satisfies (Outcome['kind'] | 'error')[];

/** An outcome, or `error` for an exception. */
export type Ending = (typeof ENDINGS)[number];

/** Why an informer read its whole list again, in its own words; see its `onRelist`. Any other reason counts as `other`. */
export const RELIST_REASONS = ['Expired', 'Invalid', 'NotFound', 'PageExpired', 'Silent', 'Rewound', 'other'] as const;

/** `merged` into one that was sent before; `dropped` for want of room. */
export const EVENT_RESULTS = ['sent', 'merged', 'dropped'] as const;
export type EventResult = (typeof EVENT_RESULTS)[number];

export interface QueueState {
  /** Keys that are due and wait. */
  depth: number;
  /** How long the one that has been due the longest has waited. */
  oldestSeconds: number;
  /** Keys at work. */
  working: number;
  /** How long the longest of them has been. */
  longestWorkingSeconds: number;
}

/** Resources that get a value of their own; there are about twenty. The rest is `other`. */
const MOST_RESOURCES = 64;

export class OperatorMetrics {
  readonly registry = new Registry();
  readonly #queues = new Map<string, () => QueueState>();
  readonly #caches = new Map<string, () => number>();
  readonly #resources = new Set<string>();
  #leading: () => boolean = () => false;
  readonly #queueLatency = this.#histogram(
    'modelship_operator_queue_latency_seconds',
    'Time that a key waited from when it was due until a worker had it.',
    QUEUE_SECONDS,
  );
  readonly #retries = this.#counter(
    'modelship_operator_queue_retries_total',
    'Keys that were queued again because working on them failed.',
  );
  readonly #reconcileSeconds = this.#histogram(
    'modelship_operator_reconcile_seconds',
    'Time that working on a key took.',
    RECONCILE_SECONDS,
  );
  readonly #reconciles = this.#counter(
    'modelship_operator_reconciles_total',
    'How working on a key ended: done, after (look again in a while), retry, terminal (waits for a change), error (an exception).',
    ['outcome'],
  );
  readonly #requests = this.#counter(
    'modelship_operator_api_requests_total',
    'Requests to the API server by verb, resource and HTTP status; code none is no answer.',
    ['verb', 'resource', 'code'],
  );
  readonly #requestSeconds = this.#histogram(
    'modelship_operator_api_request_seconds',
    'Time that a request to the API server took. Watches are left out: theirs is how long they stayed open.',
    REQUEST_SECONDS,
    ['verb'],
  );
  readonly #relists = this.#counter(
    'modelship_operator_relists_total',
    'Whole lists that were read again because a watch could not go on, by why.',
    ['resource', 'reason'],
  );
  readonly #events = this.#counter(
    'modelship_operator_events_total',
    'Kubernetes Events by what became of them: sent, merged into one sent before, dropped for want of room.',
    ['result'],
  );

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.#queueGauges();
    const caches = this.#caches;
    this.#gauge(
      'modelship_operator_cache_objects',
      'Objects that a cache holds.',
      (gauge) => {
        for (const [resource, size] of caches) gauge.set({ resource }, size());
      },
      ['resource'],
    );
    this.#gauge('modelship_operator_leading', '1 while this process leads, and so may write; else 0.', (gauge) =>
      gauge.set(this.#leading() ? 1 : 0),
    );
    // A series that is born with its first count hides that count from rate().
    for (const outcome of ENDINGS) this.#reconciles.inc({ outcome }, 0);
    for (const result of EVENT_RESULTS) this.#events.inc({ result }, 0);
  }

  /** Counts and times a request to the API server. */
  requestSeen({ verb, resource, status, seconds }: RequestSeen): void {
    const code = Number.isInteger(status) && status >= 100 && status <= 599 ? String(status) : 'none';
    this.#requests.inc({ verb, resource: this.#resource(resource), code });
    if (verb !== 'watch') this.#requestSeconds.observe({ verb }, seconds);
  }

  /** Reads a queue's state when scraped; queues are summed up. @param name the same name replaces the one before */
  watchQueue(name: string, read: () => QueueState): void {
    this.#queues.set(name, read);
  }

  /** A worker got a key. @param waitedSeconds since it was due */
  keyTaken(waitedSeconds: number): void {
    this.#queueLatency.observe(waitedSeconds);
  }

  /** Working on a key ended. */
  reconciled(outcome: Ending, seconds: number): void {
    this.#reconciles.inc({ outcome });
    this.#reconcileSeconds.observe(seconds);
    if (outcome === 'retry' || outcome === 'error') this.#retries.inc();
  }

  /** Reads a cache's size when scraped. @param resource plural; the same one replaces the one before */
  watchCache(resource: string, size: () => number): void {
    const label = this.#resource(resource);
    this.#caches.set(label, size);
    for (const reason of RELIST_REASONS) this.#relists.inc({ resource: label, reason }, 0);
  }

  /** @param reason one of RELIST_REASONS; any other text counts as `other` */
  relisted(resource: string, reason: string): void {
    const known = RELIST_REASONS.find((one) => one === reason) ?? 'other';
    this.#relists.inc({ resource: this.#resource(resource), reason: known });
  }

  /** Asks when scraped whether this process leads. Until then the answer is no. */
  leading(read: () => boolean): void {
    this.#leading = read;
  }

  eventSeen(result: EventResult): void {
    this.#events.inc({ result });
  }

  #resource(resource: string): string {
    if (this.#resources.size < MOST_RESOURCES) this.#resources.add(resource);
    return this.#resources.has(resource) ? resource : 'other';
  }

  #queueGauges(): void {
    const all = () => [...this.#queues.values()].map((read) => read());
    const sum = (of: (state: QueueState) => number) => all().reduce((total, state) => total + of(state), 0);
    const most = (of: (state: QueueState) => number) => Math.max(0, ...all().map(of));
    this.#gauge('modelship_operator_queue_depth', 'Keys that are due and wait for a worker.', (gauge) =>
      gauge.set(sum(({ depth }) => depth)),
    );
    this.#gauge(
      'modelship_operator_queue_oldest_seconds',
      'How long the key that has been due the longest waits for a worker; 0 when none does.',
      (gauge) => gauge.set(most(({ oldestSeconds }) => oldestSeconds)),
    );
    this.#gauge('modelship_operator_queue_working', 'Keys that are being worked on.', (gauge) =>
      gauge.set(sum(({ working }) => working)),
    );
    this.#gauge(
      'modelship_operator_queue_longest_working_seconds',
      'How long the key that is at work the longest has been so; grows when a worker hangs.',
      (gauge) => gauge.set(most(({ longestWorkingSeconds }) => longestWorkingSeconds)),
    );
  }

  #gauge<T extends string>(name: string, help: string, collect: (gauge: Gauge<T>) => void, labelNames: T[] = []): void {
    const registers = [this.registry];
    new Gauge<T>({
      name,
      help,
      labelNames,
      registers,
      collect() {
        collect(this);
      },
    });
  }

  #counter<T extends string>(name: string, help: string, labelNames: T[] = []): Counter<T> {
    return new Counter<T>({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<T extends string>(name: string, help: string, buckets: number[], labelNames: T[] = []): Histogram<T> {
    return new Histogram<T>({ name, help, buckets, labelNames, registers: [this.registry] });
  }
}
