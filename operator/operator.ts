/** The operator put together: caches that every replica keeps, and a controller that only the leader runs. */
import { setMaxListeners } from 'node:events';
import type { PrometheusSource } from './evidence/queries.ts';
import { QueryKeeper } from './evidence/query-keeper.ts';
import { ReportKeeper } from './evidence/report-keeper.ts';
import type { ReportSource } from './evidence/reports.ts';
import { stuck, unfilled } from './health.ts';
import type { KubeClient } from './kube/client.ts';
import { type Clock, type Random, systemClock } from './kube/clock.ts';
import { Controller } from './kube/controller.ts';
import { EventRecorder } from './kube/events.ts';
import { fenced } from './kube/fence.ts';
import type { InformerTiming } from './kube/informer.ts';
import { LeaderElection, type LeaseTiming } from './kube/lease.ts';
import { type Log, silentLog } from './kube/log.ts';
import type { OperatorMetrics } from './kube/metrics.ts';
import { keyText, parseKey } from './kube/object.ts';
import { modelMetrics } from './model-metrics.ts';
import { Caches } from './reconcile/caches.ts';
import { patienceOf } from './reconcile/pass.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import type { RenderOptions } from './render/input.ts';
import { servedApis } from './served-apis.ts';

export interface OperatorOptions {
  client: KubeClient;
  /** Where it looks after ModelDeployments; all namespaces when left out. */
  namespace?: string | undefined;
  render: RenderOptions;
  reports: ReportSource;
  /** For checks that ask a Prometheus; without it they have no answer. */
  prometheus?: PrometheusSource | undefined;
  /** Without it this process takes itself for the only one. */
  leaderElection?:
    | {
        /** With connections of its own, so that a renewal does not wait behind other requests. Default: the one above. */
        client?: KubeClient;
        namespace: string;
        name: string;
        identity: string;
        timing?: Partial<LeaseTiming>;
      }
    | undefined;
  /** ModelDeployments at work at a time. Default 32. */
  workers?: number | undefined;
  /** Names this process in Events. */
  instance?: string | undefined;
  log?: Log | undefined;
  metrics?: OperatorMetrics | undefined;
  clock?: Clock | undefined;
  random?: Random | undefined;
  timing?: Partial<OperatorTiming> | undefined;
}

export interface OperatorTiming {
  informer: Partial<InformerTiming>;
  /** Every ModelDeployment is looked at this often though nothing happened, ms. Reads caches only. */
  resyncMs: number;
  /** How often to ask which optional APIs are served, ms. */
  discoverMs: number;
  /** First and longest wait after a failure of a key, ms. */
  backoff: { firstMs: number; maxMs: number };
}

export interface Operator {
  /** Whether it may write now. */
  readonly leading: boolean;
  /** Undefined when it leads, or can as soon as nobody else does; else why not. */
  notReady(): string | undefined;
  /** Why only a new process can help; undefined when all is well. An API server that is away is no reason. */
  stuck(): string | undefined;
  /** Ends gracefully: what is under way is finished, the Lease released. */
  stop(): Promise<void>;
}

const WORKERS = 32;
const RESYNC_MS = 600_000;
const DISCOVER_MS = 60_000;
const OPTIONAL_MS = 10_000;
/** Events of pods and Deployments come in swarms: a pass waits this long for more of them. */
const SWARM_MS = 100;
/** Passes read caches; what they write is bounded by the workers, and by the connections. */
const PASSES = { perSecond: 1_000, burst: 1_000 };

/** Comes back once caches are being filled and the campaign for leadership has begun. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const operator = new RunningOperator(options);
  operator.start();
  return operator;
}

class RunningOperator implements Operator {
  readonly #options: OperatorOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #caches: Caches;
  readonly #ending = new AbortController();
  readonly #election: LeaderElection | undefined;
  readonly #discovered = Promise.withResolvers<void>();
  #controller: Controller | undefined;
  /** The same object as long as nothing in it changes. */
  #renderOptions: RenderOptions;
  #running: Promise<void> | undefined;
  /** Why it is not known which APIs are served. */
  #unasked: string | undefined = 'the API server was not asked yet which APIs it serves';

  constructor(options: OperatorOptions) {
    const { client, namespace, metrics, timing, leaderElection } = options;
    this.#options = options;
    this.#renderOptions = options.render;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#log = options.log ?? silentLog;
    setMaxListeners(0, this.#ending.signal);
    const shared = { client, clock: this.#clock, random: this.#random, log: this.#log };
    this.#caches = new Caches({
      ...shared,
      namespace,
      metrics,
      timing: timing?.informer,
      onChange: (key, soon) => this.#add(key, soon ? SWARM_MS : 0, soon),
    });
    this.#election = leaderElection && new LeaderElection({ ...shared, ...leaderElection });
    metrics?.leading(() => this.leading);
    if (metrics) modelMetrics(metrics.registry, () => (this.leading ? this.#caches.models.list() : []));
  }

  get leading(): boolean {
    return this.#election ? this.#election.leading : this.#controller !== undefined;
  }

  notReady(): string | undefined {
    return this.#unasked ?? unfilled(this.#caches.needed) ?? this.#election?.trouble;
  }

  stuck(): string | undefined {
    return stuck(this.#controller?.longestRun);
  }

  start(): void {
    this.#caches.start();
    void this.#discover();
    const { signal } = this.#ending;
    const lead = (term: AbortSignal) => this.#lead(term);
    this.#running = this.#election ? this.#election.run(signal, lead) : lead(signal);
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
    await this.#caches.stop();
  }

  /** One term. Ends when the signal does and nothing is under way any more. */
  async #lead(signal: AbortSignal): Promise<void> {
    const { reports: source, prometheus, metrics, timing } = this.#options;
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    if (signal.aborted) return;
    await Promise.race([ended, this.#filled()]);
    if (signal.aborted) return;
    const client = this.#fenced();
    const shared = { clock: this.#clock, random: this.#random, log: this.#log };
    const reports = new ReportKeeper({ source, clock: this.#clock, onRead: (key) => this.#add(key, 0, true) });
    const queries =
      prometheus &&
      new QueryKeeper({ source: prometheus, clock: this.#clock, onAnswer: (key) => this.#controller?.add(key) });
    const events = new EventRecorder({
      ...shared,
      client,
      component: 'modelship',
      instance: this.#options.instance ?? 'modelship',
      onResult: (result) => metrics?.eventSeen(result),
    });
    const reconciler = new Reconciler({
      ...shared,
      client,
      caches: this.#caches,
      reports,
      queries,
      events,
      renderOptions: () => this.#renderOptions,
    });
    const controller = new Controller({
      ...shared,
      ...PASSES,
      name: 'modeldeployments',
      workers: this.#options.workers ?? WORKERS,
      metrics,
      backoff: timing?.backoff,
      reconcile: (key) => reconciler.reconcile(key),
    });
    this.#controller = controller;
    this.#log.info({ models: this.#caches.models.size }, 'leading');
    this.#addAll();
    controller.start();
    const stopResync = this.#every(timing?.resyncMs ?? RESYNC_MS, () => this.#addAll(timing?.resyncMs ?? RESYNC_MS));
    await ended;
    stopResync();
    await controller.stop();
    this.#controller = undefined;
    reports.stop();
    queries?.stop();
    await events.close();
    this.#log.info({}, 'leading no more');
  }

  #fenced(): KubeClient {
    const election = this.#election;
    return election ? fenced(this.#options.client, () => election.mayWriteFor()) : this.#options.client;
  }

  /** Passes before the optional kinds are known would take what is served for missing. */
  async #filled(): Promise<void> {
    await this.#discovered.promise;
    await this.#caches.whenSynced();
    // Nobody waits for ever for an API that somebody has installed and broken.
    const optional = Promise.allSettled(this.#caches.optional.map((informer) => informer.whenSynced()));
    await Promise.race([optional, this.#pause(OPTIONAL_MS)]);
  }

  /** Asks which optional kinds are served, over and over; follows those that have come. */
  async #discover(): Promise<void> {
    const { client, timing } = this.#options;
    let failures = 0;
    while (!this.#ending.signal.aborted) {
      let wait = timing?.discoverMs ?? DISCOVER_MS;
      try {
        const served = await servedApis(client);
        if (this.#ending.signal.aborted) return;
        const fresh = served.resources.filter((resource) => this.#caches.follow(resource));
        const { servedApis: known } = this.#renderOptions;
        if (known?.symmetricDifference(served.apis).size !== 0) {
          this.#renderOptions = { ...this.#options.render, servedApis: served.apis };
        }
        this.#discovered.resolve();
        this.#unasked = undefined;
        failures = 0;
        if (fresh.length > 0 && this.#controller) this.#addAll();
      } catch (error) {
        wait = Math.min(wait, 500 * 2 ** Math.min(failures++, 6));
        if (this.#unasked !== undefined) this.#unasked = (error as Error).message;
        this.#log.warn({ err: error }, 'cannot ask which APIs are served; trying again');
      }
      await this.#pause(wait);
    }
  }

  /** @param followUp those whose spec is new may go first */
  #add(key: string, delayMs: number, followUp: boolean): void {
    const patienceMs = followUp ? patienceOf(this.#caches.models.get(parseKey(key))?.status?.rollout) : 0;
    this.#controller?.add(key, delayMs, patienceMs);
  }

  /** @param overMs spread over this time */
  #addAll(overMs = 0): void {
    for (const { metadata, status } of this.#caches.models.list()) {
      const observed = status?.observedGeneration;
      this.#add(keyText(metadata), overMs * this.#random(), observed === metadata.generation);
    }
  }

  #every(ms: number, action: () => void): () => void {
    let cancel = this.#clock.after(ms, tick);
    const self = this;
    function tick(): void {
      action();
      cancel = self.#clock.after(ms, tick);
    }
    return () => cancel();
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#ending;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, done);
      function done(): void {
        signal.removeEventListener('abort', done);
        cancel();
        resolve();
      }
      signal.addEventListener('abort', done);
    });
  }
}
