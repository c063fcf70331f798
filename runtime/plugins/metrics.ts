/** Prometheus metrics of one process. Counters that the report shows too are read from the book when scraped. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { CustomMetric, VersionCounters } from '../../api/pod-report.ts';
import { ALL } from '../../api/units.ts';
import type { VersionBook } from '../counters.ts';
import type { Done } from '../models/runner.ts';
import type { Traffic } from '../traffic/traffic.ts';
import { customOf, type MetricJson } from './custom-metrics.ts';
import { type ExecutionSources, registerExecution } from './execution-metrics.ts';
import { HotHistogram } from './hot-histogram.ts';

/** Seconds. Fine where a small model answers, 50 µs to 5 ms; wide enough for a large one. */
const SECONDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.00075, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

export interface MetricsSources extends ExecutionSources {
  traffic: Pick<Traffic, 'table' | 'refusedTables'>;
  book: VersionBook;
  runtimeVersion: string;
  inFlight(): number;
}

export interface Metrics {
  /** Counts an answer to an inference request. @param version must be a known one: it is a label */
  answered(version: string, status: number): void;
  /** Times an answer of this process's own version. */
  took(seconds: number): void;
  /**
   * Counts an answer of the model or the cache, and times its wait and its run.
   * @param copied it was no user's but a mirror's copy: what the model did counts, not that it was answered
   */
  ran(done: Done, copied?: boolean): void;
  /** By name; see `customOf`. */
  custom(names: readonly string[]): Promise<Record<string, CustomMetric>>;
  text(): Promise<{ contentType: string; text: string }>;
  /** As prom-client's JSON, to be added up over processes. */
  json(): Promise<object[]>;
  /** All of them, for the page that lists them. */
  readonly registry: Registry;
  /** Stops the collectors of process metrics. */
  stop(): void;
}

export function createMetrics(sources: MetricsSources): Metrics {
  const { own } = sources;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 10 });
  const labels = { model: own.model, version: own.version };
  const histogram = (name: string, help: string) =>
    new HotHistogram({ name, help, labels, buckets: SECONDS }).registerIn(registry);
  const duration = histogram(
    'modelship_request_duration_seconds',
    'Time from the last byte of an inference request to its answer, for answers as this version.',
  );
  const queue = histogram('modelship_queue_duration_seconds', 'Time that a request waited before its run.');
  const compute = histogram('modelship_compute_duration_seconds', 'Time that a run of the model took.');
  const answered = answerCounter(registry, own.model, own.version);
  const executed = registerExecution(registry, sources);
  registerState(registry, sources);
  registerBook(registry, sources.book);
  return {
    answered,
    took: (seconds) => duration.observe(seconds),
    ran(done, copied = false) {
      executed(done, copied);
      if (!copied && done.from !== 'cache') queue.observe(done.queued / 1_000);
      if (done.first) compute.observe(done.computed / 1_000);
    },
    async custom(names) {
      // All of them: some are only brought up to date by others, as process_cpu_seconds_total is.
      return customOf((await registry.getMetricsAsJSON()) as unknown as MetricJson[], names);
    },
    text: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    json: () => registry.getMetricsAsJSON(),
    registry,
    stop: () => registry.clear(),
  };
}

/** Told from the start, as 0: `rate()` does not see the first count of a series that begins with it. */
const TOLD_FROM_THE_START = [200, 500, 503, 504] as const;

/** Counted as plain numbers: the path of every request makes no label. @param own version of this process */
function answerCounter(registry: Registry, model: string, own: string): (version: string, status: number) => void {
  const counts = new Map([[own, new Map<number, number>(TOLD_FROM_THE_START.map((status) => [status, 0]))]]);
  new Counter({
    name: 'modelship_requests_total',
    help: 'Inference requests of users answered by this process as a version, by HTTP status.',
    labelNames: ['model', 'version', 'code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [version, byStatus] of counts) {
        for (const [status, count] of byStatus) this.inc({ model, version, code: String(status) }, count);
      }
    },
  });
  return (version, status) => {
    let byStatus = counts.get(version);
    if (!byStatus) {
      byStatus = new Map();
      counts.set(version, byStatus);
    }
    byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
  };
}

function registerState(registry: Registry, { own, traffic, runtimeVersion, inFlight }: MetricsSources): void {
  const registers = [registry];
  new Gauge({
    name: 'modelship_requests_in_flight',
    help: 'Requests at the entry and direct doors that are not answered yet.',
    registers,
    collect() {
      this.set(inFlight());
    },
  });
  new Gauge({
    name: 'modelship_traffic_weight',
    help: 'Share of requests by the traffic table in force, 0 to 1.',
    labelNames: ['version'],
    registers,
    collect() {
      this.reset();
      for (const { name, share } of traffic.table()?.versions ?? []) this.set({ version: name }, share / ALL);
    },
  });
  new Gauge({
    name: 'modelship_traffic_table_revision',
    help: 'Revision of the traffic table in force; 0 without one.',
    registers,
    collect() {
      this.set(traffic.table()?.revision ?? 0);
    },
  });
  new Counter({
    name: 'modelship_traffic_tables_refused_total',
    help: 'Contents of the traffic table file that were refused; the table before them stays in force.',
    registers,
    collect() {
      this.reset();
      this.inc(traffic.refusedTables());
    },
  });
  new Gauge({
    name: 'modelship_model_load_seconds',
    help: 'Time that each phase of the start took.',
    labelNames: ['phase'],
    registers,
    collect() {
      for (const [phase, ms] of Object.entries(own.phases)) this.set({ phase }, ms / 1_000);
    },
  });
  new Gauge({
    name: 'modelship_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['model', 'version', 'runtime', 'digest'],
    registers,
    collect() {
      this.reset();
      this.set({ model: own.model, version: own.version, runtime: runtimeVersion, digest: own.digest ?? '' }, 1);
    },
  });
}

function registerBook(registry: Registry, book: VersionBook): void {
  const fromBook = (name: string, help: string, read: (counters: VersionCounters) => number) =>
    new Counter({
      name,
      help,
      labelNames: ['version'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [version, counters] of book.entries()) this.inc({ version }, read(counters));
      },
    });
  fromBook('modelship_routed_requests_total', 'Requests that this entry drew for a version.', (c) => c.routed);
  fromBook('modelship_forwarded_requests_total', 'Requests sent on to another version.', (c) => c.forwarded);
  fromBook('modelship_forward_failures_total', 'Forwarded requests that failed.', (c) => c.failed);
  registerMirrored(registry, book);
  new Counter({
    name: 'modelship_shielded_requests_total',
    help: 'Requests drawn for a version that another one answered, by reason.',
    labelNames: ['version', 'reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [version, { shielded }] of book.entries()) {
        for (const [reason, count] of Object.entries(shielded)) this.inc({ version, reason }, count);
      }
    },
  });
}

/** `uncompared`: answered, but the request had asked for none of the outputs that are compared. */
function registerMirrored(registry: Registry, book: VersionBook): void {
  new Counter({
    name: 'modelship_mirrored_requests_total',
    help: 'Requests to be copied to a version, by what came of it: same, different, uncompared, failed, dropped.',
    labelNames: ['version', 'result'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [version, { mirrored, compared, differing, mirrorFailed, mirrorDropped }] of book.entries()) {
        const uncompared = mirrored - compared - mirrorFailed;
        const results = {
          same: compared - differing,
          different: differing,
          uncompared,
          failed: mirrorFailed,
          dropped: mirrorDropped,
        };
        for (const [result, count] of Object.entries(results)) this.inc({ version, result }, count);
      }
    },
  });
}
