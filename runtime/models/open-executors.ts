/** Opens a verified file, measures it, and puts it where it runs best: on this thread or in workers. */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { RuntimeServing } from '../../api/launch.ts';
import type { Clock } from '../clock.ts';
import { LoadError } from '../errors.ts';
import type { Executor } from './executor.ts';
import { externalFiles } from './external-data.ts';
import { GraphKeeper } from './graph-keeper.ts';
import { openOnMain } from './main-executor.ts';
import { moving } from './moving-executor.ts';
import { openFirst, type Placement, place } from './placement.ts';
import { checkSession, isGpu, type Provider, type SessionPlan } from './session-plan.ts';
import { measure, warmUp } from './warm-up.ts';
import { openInWorker } from './worker-executor.ts';

/** How a model is run, as metrics and the log show it. */
export interface ExecutionFacts {
  place: 'main' | 'workers';
  /** Threads beside the one that serves. */
  workers: number;
  /** Of one session. */
  threads: number;
  /** The execution providers in force. */
  providers: readonly Provider[];
  /** GPU of those that use one. */
  device: number;
  /** Why there. */
  why: string;
  /** The weights are in memory once, however many sessions there are. */
  weightsShared: boolean;
  /** `kept`: opened from the graph that an earlier start optimised; `written`: this one left it. */
  optimized: 'off' | 'written' | 'kept';
}

export type Phase = 'open' | 'warmup' | 'measure' | 'workers';

export interface OpenOptions {
  serving: RuntimeServing;
  /** Where optimised graphs are kept. */
  cacheDir?: string | undefined;
  clock: Clock;
  warn(message: string): void;
  /** Told how long each phase took, ms. */
  onPhase(phase: Phase, ms: number): void;
  /** Breaks the start off between two steps; a step that runs is waited for. */
  signal?: AbortSignal | undefined;
}

export interface OpenedModel {
  /** One, or one for each worker. */
  executors: readonly Executor[];
  execution: ExecutionFacts;
}

/** @throws LoadError MODEL_CORRUPT, MODEL_UNSUPPORTED, OPTION_UNSUPPORTED, PROVIDER_MISSING, WARMUP_FAILED */
export async function openExecutors(
  file: { path: string; digest: string },
  options: OpenOptions,
): Promise<OpenedModel> {
  checkSession(options.serving.session);
  const opening = new Opening(options);
  try {
    return await opening.run(file);
  } catch (error) {
    await opening.closeAll();
    throw error;
  }
}

class Opening {
  readonly #options: OpenOptions;
  #executors: Executor[] = [];

  constructor(options: OpenOptions) {
    this.#options = options;
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#executors.splice(0).map((executor) => executor.close()));
  }

  async run(file: { path: string; digest: string }): Promise<OpenedModel> {
    const { serving, warn } = this.#options;
    const { session } = serving;
    const given = serving.execution;
    const { weightBytes, external } = await weightsOf(file.path);
    const gpu = isGpu(session.executionProviders[0] as Provider);
    const keeper = new GraphKeeper({ ...this.#options, session, external, digest: file.digest });
    // Whether weights are mapped has to be known before it is known how many sessions there will be.
    const mayShare = external && (given.workers ?? given.cores) > 1;
    let plan: SessionPlan = { path: file.path, session, optimized: false, mapWeights: mayShare };
    const where = openFirst({ workers: given.workers, gpu, fileBytes: weightBytes });
    const first = await this.#timed('open', () => keeper.open(plan, (next) => this.#open(where, next)));
    plan = keeper.planAfter(plan, first.providers);
    const measured = await this.#tryOut(first, given.workers === undefined);
    const placement = place({
      cores: given.cores,
      workers: given.workers,
      threads: session.threads,
      gpu: first.providers.some(isGpu),
      measured,
      weightBytes,
      weightsShared: mayShare,
      memoryBytes: process.availableMemory(),
    });
    const weightsShared = placement.workers <= 1 || mayShare;
    await this.#settle(placement, { ...plan, mapWeights: mayShare && placement.workers > 1 }, plan);
    const { workers, why } = placement;
    const { providers } = this.#executors[0] as Executor;
    if (mayShare && workers > 1) warn(SHARING_COSTS);
    const { threads, device } = session;
    const place_ = workers === 0 ? ('main' as const) : ('workers' as const);
    const optimized = keeper.state;
    const execution: ExecutionFacts = {
      place: place_,
      workers,
      threads,
      providers,
      device,
      why,
      weightsShared,
      optimized,
    };
    if (workers === 0 && given.workers === undefined) this.#letMove(plan, execution);
    return { executors: this.#executors, execution };
  }

  /** What was measured was made up: the rule is kept to if real requests say otherwise. */
  #letMove(plan: SessionPlan, execution: ExecutionFacts): void {
    const { clock, warn } = this.#options;
    const openWorker = () => openInWorker(plan, { warn });
    const moved = () => {
      Object.assign(execution, { place: 'workers', workers: 1, why: 'requests took longer than what was measured' });
    };
    this.#executors = this.#executors.map((main) => moving(main, { clock, openWorker, moved, warn }));
  }

  /** Warm-up, and the measure if the rule asks for it. */
  async #tryOut(first: Executor, measures: boolean) {
    const { serving, warn, clock } = this.#options;
    const { warmupRequests: requests, batching } = serving;
    const run = first.run.bind(first);
    const ran = await this.#timed('warmup', () => warmUp(first.signature, run, requests, warn));
    // Who asks for no made-up requests gets none.
    if (!measures || !ran || requests === 0) return undefined;
    return this.#timed('measure', () => measure(first.signature, run, batching.maxBatchSize, clock));
  }

  /** From the one session that was tried out to those that serve. */
  async #settle({ workers }: Placement, plan: SessionPlan, tried: SessionPlan): Promise<void> {
    const [first] = this.#executors as [Executor];
    const inPlace = first.place === (workers === 0 ? 'main' : 'worker') && plan.mapWeights === tried.mapWeights;
    if (inPlace && workers <= 1) return;
    await this.#timed('workers', async () => {
      if (!inPlace) await this.closeAll();
      if (workers === 0) return void (await this.#open('main', plan));
      const more = Array.from({ length: workers - this.#executors.length }, () => this.#openWarm(plan));
      const failed = (await Promise.allSettled(more)).find(({ status }) => status === 'rejected');
      if (failed) throw (failed as PromiseRejectedResult).reason;
    });
  }

  async #openWarm(plan: SessionPlan): Promise<void> {
    const executor = await this.#open('worker', plan);
    // What the made-up requests had to tell was told by the first session.
    await warmUp(executor.signature, executor.run.bind(executor), this.#options.serving.warmupRequests, () => {});
  }

  async #open(where: 'main' | 'worker', plan: SessionPlan): Promise<Executor> {
    const { warn } = this.#options;
    const executor = await (where === 'main' ? openOnMain(plan, warn) : openInWorker(plan, { warn }));
    this.#executors.push(executor);
    return executor;
  }

  async #timed<T>(phase: Phase, step: () => Promise<T>): Promise<T> {
    const { clock, onPhase, signal } = this.#options;
    if (signal?.aborted) throw new LoadError('INTERNAL', 'the start was broken off: the process is to end');
    const started = clock.now();
    const result = await step();
    onPhase(phase, clock.now() - started);
    return result;
  }
}

const SHARING_COSTS =
  'the weights lie in files beside the model, so workers share one copy of them, which are not packed for the CPU: ' +
  'a run may take up to three times as long; set serving.execution.workers to 1, or put the weights in the model file';

/** What a model's weights take on disk, and whether they lie beside it. */
async function weightsOf(path: string): Promise<{ weightBytes: number; external: boolean }> {
  const beside = (await externalFiles(path)).map((name) => resolve(dirname(path), name));
  const sizes = await Promise.all(
    [path, ...beside].map(async (name) => (await stat(name).catch(() => undefined))?.size ?? 0),
  );
  return { weightBytes: sizes.reduce((sum, size) => sum + size, 0), external: beside.length > 0 };
}
