/** Runs a model in a worker thread of its own. A worker that ends by itself is replaced; the process lives. */
// Read by the native library once for the process, from the environment of the main thread.
import './ort-environment.ts';
import { Worker } from 'node:worker_threads';
import { LoadError, RequestError } from '../errors.ts';
import type { Tensor } from '../protocol/datatypes.ts';
import type { Executor, ModelFacts } from './executor.ts';
import type { SessionPlan } from './session-plan.ts';
import { pack } from './tensor-transfer.ts';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

export interface WorkerOptions {
  warn(message: string): void;
  /** What the thread runs, for tests. */
  script?: URL;
}

const SCRIPT = new URL('./ort-worker.ts', import.meta.url);

interface Pending {
  resolve(outputs: Tensor[]): void;
  reject(error: unknown): void;
}

/** A thread with its model, from its start to its end. */
class Thread {
  /** @throws LoadError */
  readonly opened: Promise<ModelFacts>;
  readonly ended: Promise<void>;
  /** Why it ended, if nobody asked it to. */
  cause: string | undefined;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #over = false;

  constructor(plan: SessionPlan, { warn, script = SCRIPT }: WorkerOptions) {
    const worker = new Worker(script, { workerData: plan, name: 'model', execArgv: [] });
    this.#worker = worker;
    const opening = Promise.withResolvers<ModelFacts>();
    this.opened = opening.promise;
    // Whoever opens hears of it; a replacement that nobody waits for yet is no unhandled rejection.
    this.opened.catch(() => {});
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'open') opening.resolve(message.facts);
      else if (message.type === 'failed') opening.reject(new LoadError(message.code, message.message));
      else if (message.type === 'warning') warn(message.message);
      else this.#settle(message);
    });
    worker.on('error', (error) => {
      this.cause = String((error as Error)?.message ?? error);
    });
    const ended = Promise.withResolvers<void>();
    this.ended = ended.promise;
    worker.on('exit', (code) => {
      this.#over = true;
      this.cause ??= `it left with code ${code}`;
      opening.reject(new LoadError('INTERNAL', `the thread that opened the model ended: ${this.cause}`));
      for (const { reject } of this.#pending.values()) reject(this.#died());
      this.#pending.clear();
      ended.resolve();
    });
  }

  async run(inputs: readonly Tensor[], outputs: readonly string[], own: boolean): Promise<Tensor[]> {
    if (this.#over) throw this.#died();
    const { tensors, transfer } = pack(inputs, own);
    const id = ++this.#lastId;
    this.#say({ type: 'run', id, inputs: tensors, outputs }, transfer);
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  /** Waits for what runs, never cuts it off. */
  async close(): Promise<void> {
    await this.opened.catch(() => {});
    // Behind all runs that were asked for.
    this.#say({ type: 'close' }, []);
    await this.ended;
  }

  #say(message: ToWorker, transfer: ArrayBuffer[]): void {
    this.#worker.postMessage(message, transfer);
  }

  #settle(message: Extract<FromWorker, { type: 'done' | 'error' }>): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.type === 'done') pending?.resolve(message.outputs);
    else pending?.reject(new RequestError(message.code, message.message));
  }

  #died(): RequestError {
    return new RequestError('INFERENCE_FAILED', `the thread that ran the model ended: ${this.cause}; it is replaced`);
  }
}

class WorkerExecutor implements Executor {
  readonly place = 'worker';
  readonly signature: ModelFacts['signature'];
  readonly providers: ModelFacts['providers'];
  readonly #plan: SessionPlan;
  readonly #options: WorkerOptions;
  #thread: Thread;
  /** Until a thread that replaces another has opened the model. */
  #opening: Promise<unknown> | undefined;
  #closing: Promise<void> | undefined;

  constructor(plan: SessionPlan, options: WorkerOptions, thread: Thread, facts: ModelFacts) {
    this.#plan = plan;
    this.#options = options;
    this.signature = facts.signature;
    this.providers = facts.providers;
    this.#thread = thread;
    this.#watch(thread);
  }

  run(inputs: readonly Tensor[], outputs: readonly string[], own = false): Promise<Tensor[]> {
    if (this.#closing) return Promise.reject(new RequestError('INFERENCE_FAILED', 'the model is closed'));
    if (this.#opening) return this.#runLater(inputs, outputs, own);
    return this.#thread.run(inputs, outputs, own);
  }

  close(): Promise<void> {
    this.#closing ??= this.#thread.close();
    return this.#closing;
  }

  async #runLater(inputs: readonly Tensor[], outputs: readonly string[], own: boolean): Promise<Tensor[]> {
    const opening = this.#opening;
    try {
      await opening;
    } catch (error) {
      // The next request is another try, so a lasting fault costs one opening for each and never a loop.
      if (this.#opening === opening) this.#replace();
      const message = `the thread that ran the model ended and could not be replaced: ${(error as Error).message}`;
      throw new RequestError('INFERENCE_FAILED', message);
    }
    return this.#thread.run(inputs, outputs, own);
  }

  #watch(thread: Thread): void {
    void thread.ended.then(() => {
      if (this.#closing || this.#thread !== thread) return;
      this.#options.warn(`the thread that ran the model ended: ${thread.cause}; another one takes its place`);
      this.#replace();
    });
  }

  #replace(): void {
    if (this.#closing) return;
    const thread = new Thread(this.#plan, this.#options);
    this.#thread = thread;
    this.#opening = thread.opened;
    void thread.opened.then(
      () => {
        this.#opening = undefined;
        this.#watch(thread);
      },
      () => {},
    );
  }
}

/**
 * Opens a model in a new worker.
 * @throws LoadError MODEL_CORRUPT, MODEL_UNSUPPORTED, PROVIDER_MISSING
 */
export async function openInWorker(plan: SessionPlan, options: WorkerOptions): Promise<Executor> {
  const thread = new Thread(plan, options);
  try {
    return new WorkerExecutor(plan, options, thread, await thread.opened);
  } catch (error) {
    await thread.ended;
    throw error;
  }
}
