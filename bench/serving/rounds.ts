/** The order of things: all contenders of a model side by side, in rounds A B C, B C A, …, so that a noisy minute hits all. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Contender, Context } from './contenders.ts';
import { type Generator, startGenerator } from './load/generator.ts';
import type { Measured } from './load/order.ts';
import type { BenchModel, ModelId } from './models/catalogue.ts';
import { makePool, writePool } from './models/pool.ts';
import type { Placement } from './processes.ts';
import type { Running } from './running.ts';

/** One window of one contender. */
export interface Sample extends Measured {
  model: ModelId;
  contender: string;
  concurrency: number;
  round: number;
}

/** Who could not be measured, and why. */
export interface Absence {
  model: ModelId;
  contender: string;
  /** Left out: at every concurrency. */
  concurrency?: number;
  reason: string;
}

export interface Plan {
  models: readonly BenchModel[];
  contenders: readonly Contender[];
  /** What is asked for; undefined: what suits the model. */
  concurrency: readonly number[] | undefined;
  rounds: number;
  seconds: number;
  placement: Placement;
}

export interface Outcome {
  samples: Sample[];
  absences: Absence[];
}

export interface Watcher {
  log(line: string): void;
  /** Before each turn. */
  turn(at: { model: ModelId; concurrency: number; round: number; contender: string }): void;
  /** After each model. */
  soFar(outcome: Outcome): void;
}

/** The contenders of a round: the same circle, entered one further on. */
export function rotated<T>(all: readonly T[], round: number): T[] {
  const from = round % Math.max(1, all.length);
  return [...all.slice(from), ...all.slice(0, from)];
}

export const concurrencyOf = ({ concurrency }: Plan, model: BenchModel): readonly number[] =>
  concurrency ?? model.concurrency;

/** Warming up: long once, since servers compile themselves while they run, then short. Milliseconds. */
const FIRST_WARM_MS = 2_000;
const WARM_MS = 300;

export async function runPlan(plan: Plan, watcher: Watcher): Promise<Outcome> {
  const outcome: Outcome = { samples: [], absences: [] };
  const generator = startGenerator(plan.placement);
  try {
    for (const model of plan.models) {
      await runModel(plan, model, { generator, outcome, watcher });
      watcher.soFar(outcome);
    }
  } finally {
    generator.close();
  }
  return outcome;
}

interface Run {
  generator: Generator;
  outcome: Outcome;
  watcher: Watcher;
}

async function runModel(plan: Plan, model: BenchModel, run: Run): Promise<void> {
  const { outcome, watcher } = run;
  const folder = await mkdtemp(path.join(tmpdir(), 'modelship-bench-'));
  const started = new Map<string, Running>();
  try {
    const pool = await makePool(model, watcher.log);
    const poolFile = path.join(folder, 'pool.bin');
    await writePool(poolFile, pool);
    const context: Context = { model, pool, poolFile, placement: plan.placement, folder, log: watcher.log };
    const stage = new Stage(context, started, run);
    for (const contender of plan.contenders) await stage.enter(contender);
    for (const concurrency of concurrencyOf(plan, model)) {
      for (let round = 0; round <= plan.rounds; round++) {
        for (const contender of rotated(plan.contenders, round))
          await stage.turn(contender, concurrency, round, plan.seconds);
      }
    }
  } catch (error) {
    for (const { id } of plan.contenders) {
      outcome.absences.push({ model: model.id, contender: id, reason: `the model: ${(error as Error).message}` });
    }
  } finally {
    await Promise.all([...started.values()].map((running) => running.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

class Stage {
  readonly #context: Context;
  readonly #started: Map<string, Running>;
  readonly #run: Run;
  /** `id` or `id concurrency` of those that are out. */
  readonly #out = new Set<string>();
  readonly #warm = new Set<string>();

  constructor(context: Context, started: Map<string, Running>, run: Run) {
    this.#context = context;
    this.#started = started;
    this.#run = run;
  }

  /** Starts a contender that stays for all rounds. */
  async enter(contender: Contender): Promise<void> {
    if (contender.restless) return;
    this.#run.watcher.log(`${this.#context.model.id}: starting ${contender.title}`);
    await this.#start(contender).catch((error: Error) => this.#leave(contender, undefined, error));
  }

  async #start(contender: Contender): Promise<Running> {
    const running = await contender.start(this.#context);
    this.#started.set(contender.id, running);
    return running;
  }

  #leave({ id, title }: Contender, concurrency: number | undefined, { message }: Error): void {
    const { model } = this.#context;
    this.#out.add(concurrency === undefined ? id : `${id} ${concurrency}`);
    const at = concurrency === undefined ? {} : { concurrency };
    this.#run.outcome.absences.push({ model: model.id, contender: id, ...at, reason: message });
    this.#run.watcher.log(
      `${model.id}: ${title} is out${concurrency === undefined ? '' : ` at ${concurrency}`}: ${message}`,
    );
  }

  /** Round 0 is for warming up and is not counted. */
  async turn(contender: Contender, concurrency: number, round: number, seconds: number): Promise<void> {
    const { id, wire } = contender;
    if (concurrency < (contender.leastConcurrency ?? 1)) return;
    if (this.#out.has(id) || this.#out.has(`${id} ${concurrency}`)) return;
    const { generator, outcome, watcher } = this.#run;
    const { model, poolFile } = this.#context;
    if (round === 0 && this.#warm.has(id) && !contender.restless) return;
    if (round === 0 && contender.restless) return;
    watcher.turn({ model: model.id, concurrency, round, contender: contender.title });
    let running: Running | undefined;
    try {
      running = this.#started.get(id) ?? (await this.#start(contender));
      const long = round === 0 || contender.restless;
      const turn = { generator, wire, poolFile, output: model.output, concurrency };
      const measured = await running.measure({
        ...turn,
        warmMs: long ? FIRST_WARM_MS : WARM_MS,
        ms: seconds * (round === 0 ? 100 : 1_000),
      });
      this.#warm.add(id);
      if (round > 0) outcome.samples.push({ model: model.id, contender: id, concurrency, round, ...measured });
    } catch (error) {
      this.#leave(contender, running && concurrency, error as Error);
    } finally {
      if (contender.restless) {
        await this.#started.get(id)?.stop();
        this.#started.delete(id);
      }
    }
  }
}
