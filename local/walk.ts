/**
 * The rollout of one ModelDeployment on this machine: the engine, what it is told and what it has said. It moves nothing:
 * what is wanted goes to the planner, and a decision is in the state folder before that.
 */
import { createHash } from 'node:crypto';
import { effectiveRollout } from '../api/effective.ts';
import type { ModelDeployment } from '../api/model-deployment.ts';
import { parseRolloutCommand, type RolloutCommand } from '../api/rollout-command.ts';
import type { RolloutStatus } from '../api/status.ts';
import { Analyst } from '../core/analysis/analyst.ts';
import { Increments, type ProcessReport } from '../core/analysis/increments.ts';
import { promqlOf } from '../core/analysis/query.ts';
import type { Desired, Observed } from '../core/model.ts';
import { decidesAnew, type OpenWindow, type RolloutOutput } from '../core/rollout/model.ts';
import { rollout } from '../core/rollout/rollout.ts';
import { targetText } from '../core/rollout/target.ts';
import type { Clock } from './clock.ts';
import type { RuntimeProcess } from './process.ts';
import { Answers, type AskPrometheus } from './prometheus.ts';
import { newsOf } from './rollout-news.ts';
import type { Say } from './say.ts';
import type { DeploymentState } from './state.ts';

export interface WalkOptions {
  state: DeploymentState;
  clock: Clock;
  say: Say;
  /** Absent where the run was told of no Prometheus. */
  prometheus?: AskPrometheus | undefined;
}

export class Walk {
  readonly #options: WalkOptions;
  readonly #analyst = new Analyst();
  readonly #answers: Answers;
  readonly #increments = new Increments();
  #window: OpenWindow | undefined;
  #status: RolloutStatus | undefined;
  #command: RolloutCommand | undefined;
  #refused: string | undefined;

  constructor(options: WalkOptions) {
    this.#options = options;
    this.#answers = new Answers(options.prometheus, options.clock);
    this.#status = options.state.rollout;
  }

  /** Where the walk stands, with the numbers of the last look. */
  get status(): RolloutStatus | undefined {
    return this.#status;
  }

  /** Names of metrics that processes are to be asked for. */
  customMetrics({ spec }: ModelDeployment): string[] {
    const { checks = [] } = spec.rollout?.analysis ?? {};
    return this.#window ? [...new Set(checks.flatMap(({ custom }) => custom ?? []))] : [];
  }

  /** The engine's answer, stored where it decides anew. @throws Error when it cannot be stored: then nothing is moved */
  decide(document: ModelDeployment, desired: Desired, observed: Observed): RolloutOutput {
    const { clock, state, say } = this.#options;
    const now = clock.now();
    const effective = effectiveRollout(document.spec);
    const before = this.#status;
    const out = rollout({
      rollout: effective,
      desired,
      observed,
      target: targetOf(document),
      state: before,
      verdicts: this.#analyst.look(now),
      command: this.#command,
      now,
    });
    if (decidesAnew(state.rollout, out.state)) state.rolloutIs(out.state);
    this.#status = out.state;
    this.#open(out.window);
    this.#analyst.open(out.window, effective?.analysis);
    const wanted = Object.fromEntries(out.goal.versions.map(({ name, share }) => [name, share]));
    for (const { level, type, message } of newsOf(before, out.state, wanted)) say(level, type, message);
    this.#judgeCommand();
    return { ...out, waiting: [...out.waiting, ...(out.window ? this.#answers.problems : [])] };
  }

  /** What people have told it, since the last time. */
  readCommand(): void {
    const text = this.#options.state.readCommand();
    if (text === undefined || text === this.#status?.honoured || text === this.#refused) return;
    const parsed = parseRolloutCommand(text);
    if (typeof parsed === 'string') this.#refuse(text, parsed);
    else this.#command = parsed;
  }

  /**
   * What was counted since the time before; also while no window is open, so that the next one has what to count from.
   * @param silent processes that are ready and gave no report
   */
  sample(document: ModelDeployment, processes: readonly RuntimeProcess[], silent: readonly RuntimeProcess[]): void {
    this.#askPrometheus(document);
    const reports = processes.filter((process) => !silent.includes(process)).flatMap(reportOf);
    const sample = this.#increments.sample(this.#options.clock.now(), reports, silent.map(idOf));
    const prometheus = this.#answers.take();
    this.#analyst.add(Object.keys(prometheus).length > 0 ? { ...sample, prometheus } : sample);
  }

  #askPrometheus({ metadata, spec }: ModelDeployment): void {
    const window = this.#window;
    const { analysis } = effectiveRollout(spec) ?? {};
    if (!window || !analysis) return;
    const queries = [...new Set(analysis.checks.flatMap(({ prometheus }) => prometheus ?? []))];
    const promql = (query: string) =>
      promqlOf(query, { namespace: '', model: metadata.name, window, now: this.#options.clock.now() });
    // Twice between two looks, so that each look finds an answer.
    this.#answers.refresh(queries, promql, analysis.intervalMs / 2);
  }

  /** What a process that has ended had counted still counts. */
  ended(process: RuntimeProcess): void {
    for (const last of reportOf(process)) this.#increments.ended(last);
  }

  #open(window: OpenWindow | undefined): void {
    const key = (of: OpenWindow | undefined) => of && `${of.id} ${of.step} ${of.window}`;
    if (key(window) !== key(this.#window)) this.#answers.forget();
    this.#window = window;
  }

  /** One that was not honoured is done with, too: it must not come true later, when nobody means it any more. */
  #judgeCommand(): void {
    const command = this.#command;
    this.#command = undefined;
    if (!command || this.#status?.honoured === command.text) return;
    const { id, step, phase, reason } = this.#status ?? {};
    const { text } = command;
    if (id === undefined) this.#refuse(text, `${text}: there is no rollout`);
    else if (id !== command.id) this.#refuse(text, `${text}: the rollout is ${id}, not ${command.id}`);
    else this.#refuse(text, `${text}: it is ${phase} (${reason}), at step ${step}, where that means nothing`);
  }

  #refuse(text: string, why: string): void {
    this.#refused = text;
    this.#options.say('warn', 'rollout-command-ignored', `${why}; nothing was done`);
  }
}

/** Stays with a process for its life: a PID alone may come back. */
function idOf(process: RuntimeProcess): string {
  return `${process.launch.version} ${process.pid}`;
}

function reportOf(process: RuntimeProcess): ProcessReport[] {
  return process.report ? [{ process: idOf(process), report: process.report }] : [];
}

/** 8 hexadecimal digits. */
function targetOf({ spec }: ModelDeployment): string {
  return createHash('sha256').update(targetText(spec)).digest('hex').slice(0, 8);
}
