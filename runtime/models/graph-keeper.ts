/** Opens a model by the graph that an earlier start optimised, or leaves one for the next. */

import type { Executor } from './executor.ts';
import { describeCpu, graphKey, OptimizedGraphs } from './optimized-graphs.ts';
import { ortVersion } from './ort.ts';
import type { Provider, SessionOptions, SessionPlan } from './session-plan.ts';

export interface KeeperOptions {
  session: SessionOptions;
  cacheDir?: string | undefined;
  /** SHA-256 of the model file. */
  digest: string;
  /** Its weights lie in other files: a graph in another folder would not find them. */
  external: boolean;
  warn(message: string): void;
}

export class GraphKeeper {
  state: 'off' | 'written' | 'kept' = 'off';
  readonly #options: KeeperOptions;
  #kept: string | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** @throws LoadError as `open` does; never because of what is kept */
  async open(plan: SessionPlan, open: (plan: SessionPlan) => Promise<Executor>): Promise<Executor> {
    const why = this.#whyNot();
    if (why !== undefined) {
      if (why !== '') this.#options.warn(`serving.session.keepOptimized does nothing: ${why}`);
      return open(plan);
    }
    const { cacheDir, digest, session, warn } = this.#options;
    const graphs = new OptimizedGraphs(cacheDir as string, warn);
    const key = graphKey({ digest, session, ortVersion: ortVersion(), cpu: await describeCpu() });
    const found = await graphs.find(key);
    if (found !== undefined) {
      try {
        const executor = await open({ ...plan, path: found, optimized: true });
        this.state = 'kept';
        this.#kept = found;
        return executor;
      } catch (error) {
        await graphs.discard(found, (error as Error).message);
      }
    }
    const written = await graphs.room(key);
    const executor = await open({ ...plan, writeOptimized: written });
    if (written !== undefined) this.#kept = await graphs.keep(key, written);
    if (this.#kept !== undefined) this.state = 'written';
    return executor;
  }

  /** The plan for further sessions: providers that are missing are not tried again. */
  planAfter(plan: SessionPlan, providers: readonly Provider[]): SessionPlan {
    const next = { ...plan, session: { ...plan.session, executionProviders: [...providers] } };
    return this.#kept === undefined ? next : { ...next, path: this.#kept, optimized: true };
  }

  /** Undefined: it can be kept. Empty: nobody asked. */
  #whyNot(): string | undefined {
    const { session, cacheDir, external } = this.#options;
    if (!session.keepOptimized || session.graphOptimization === 'disabled') return '';
    if (cacheDir === undefined) return 'no cache folder is given (--cache-dir)';
    if (session.executionProviders.some((provider) => provider !== 'cpu')) return 'a GPU compiles its own graph';
    return external ? 'the weights lie in files beside the model' : undefined;
  }
}
