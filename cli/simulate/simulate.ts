/** A rollout with a clock of its own: the real engine, planner and analysis over a world that does as it is told. Pure. */
import { effectiveRollout } from '../../api/effective.ts';
import type { ModelDeployment } from '../../api/model-deployment.ts';
import { type RolloutCommand, rolloutCommandText } from '../../api/rollout-command.ts';
import type { CheckStatus, RolloutStatus } from '../../api/status.ts';
import { Analyst } from '../../core/analysis/analyst.ts';
import { plan } from '../../core/plan.ts';
import { isWalking } from '../../core/rollout/model.ts';
import { rollout } from '../../core/rollout/rollout.ts';
import { desiredOf } from '../../local/accept.ts';
import { spanText } from '../rollout/words.ts';
import type { SampleSource } from './source.ts';
import { World } from './world.ts';

export interface SimulateOptions {
  /** What is served before. */
  from: ModelDeployment;
  /** What is asked for. */
  to: ModelDeployment;
  samples: SampleSource;
  /** 8 hexadecimal digits for a spec, as the hands make them. */
  targetOf(document: ModelDeployment): string;
  /** How long a version takes to be ready, ms. */
  readyAfterMs: number;
  /** Whether someone approves at once. */
  approve: boolean;
  /** Longest time that is simulated, ms. */
  longestMs: number;
}

/** Something was decided, or came into force. */
export interface Moment {
  /** ms since the new spec was there. */
  at: number;
  step: number;
  steps: number;
  /** In force, basis points by version. */
  shares: Record<string, number>;
  phase: RolloutStatus['phase'];
  reason: RolloutStatus['reason'];
  message: string;
  checks: CheckStatus[];
}

export interface Simulated {
  moments: Moment[];
  /** As it was at the end. */
  end: RolloutStatus | undefined;
  /** ms since the new spec was there. */
  endedAt: number;
  /** Why it ended before the walk did. */
  cut?: 'SamplesEnded' | 'ApprovalRequired' | 'Paused' | 'TooLong';
  /** What users asked, by version, as the samples say. */
  users: Record<string, { requests: number; failures: number }>;
}

const TICK_MS = 500;
const SAMPLE_MS = 1_000;
/** Any moment will do. */
const EPOCH = Date.UTC(2026, 0, 1);

export class Simulation {
  readonly #options: SimulateOptions;
  readonly #world = new World();
  readonly #analyst = new Analyst();
  readonly #moments: Moment[] = [];
  readonly #users: Simulated['users'] = {};
  #document: ModelDeployment;
  #state: RolloutStatus | undefined;
  #command: RolloutCommand | undefined;
  #now = EPOCH;
  #start = EPOCH;
  #settled = false;
  #told = '';

  constructor(options: SimulateOptions) {
    this.#options = options;
    this.#document = options.from;
  }

  run(): Simulated {
    const { to, readyAfterMs, longestMs } = this.#options;
    for (let i = 0; i < 1_000 && !this.#settled; i++) this.#tick();
    this.#document = to;
    this.#world.readyAfterMs = readyAfterMs;
    this.#start = this.#now;
    while (this.#now - this.#start <= longestMs) {
      this.#sample();
      this.#tick();
      this.#note();
      const cut = this.#cut();
      if (cut || this.#over()) return this.#end(cut);
    }
    return this.#end('TooLong');
  }

  #tick(): void {
    const world = this.#world;
    const effective = effectiveRollout(this.#document.spec);
    const listed = this.#document.spec.versions.map(({ name }) => name);
    const observed = world.observed(this.#now);
    const out = rollout({
      rollout: effective,
      desired: desiredOf(
        this.#document,
        world.running.filter((name) => !listed.includes(name)),
      ),
      observed,
      target: this.#options.targetOf(this.#document),
      state: this.#state,
      verdicts: this.#analyst.look(this.#now),
      command: this.#command,
      now: this.#now,
    });
    this.#state = out.state;
    this.#analyst.open(out.window, effective?.analysis);
    const next = plan(out.goal, observed, world.memory, this.#now);
    world.apply(next, this.#now);
    const waits = out.waiting.length + next.waiting.length > 0;
    this.#settled = observed.inForce && !next.table && !waits;
    this.#now += TICK_MS;
  }

  #sample(): void {
    const at = this.#now - this.#start;
    const { served } = this.#world;
    if (!served || at % SAMPLE_MS !== 0) return;
    for (const sample of this.#options.samples.take(at, served)) {
      this.#analyst.add({ ...sample, at: this.#start + sample.at });
      for (const [version, { requests, failures }] of Object.entries(sample.versions)) {
        const before = this.#users[version] ?? { requests: 0, failures: 0 };
        this.#users[version] = { requests: before.requests + requests, failures: before.failures + failures };
      }
    }
  }

  /** What is new, where anything is. */
  #note(): void {
    const state = this.#state;
    if (!state || state.target !== this.#options.targetOf(this.#document)) return;
    const { step, steps, phase, reason, message, checks = [] } = state;
    const shares = Object.fromEntries([...(this.#world.served?.shares ?? [])].filter(([, share]) => share > 0));
    const verdicts = checks.map(({ name, verdict }) => `${name} ${verdict}`);
    const told = JSON.stringify([step, phase, reason, shares, verdicts]);
    if (told === this.#told) return;
    this.#told = told;
    const at = this.#now - TICK_MS - this.#start;
    this.#moments.push({
      at,
      step,
      steps,
      shares,
      phase,
      reason,
      message: this.#relative(message),
      checks: [...checks],
    });
  }

  /** Moments in sentences as times since the start. */
  #relative(text: string): string {
    return text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (moment) => spanText(Date.parse(moment) - this.#start));
  }

  /** Why it need not go on; says yes to an approval where that is wanted. */
  #cut(): Simulated['cut'] {
    const state = this.#state;
    if (!isWalking(state)) return undefined;
    if (state.phase === 'Paused') {
      if (state.reason !== 'ApprovalRequired') return 'Paused';
      if (!this.#options.approve) return 'ApprovalRequired';
      const text = rolloutCommandText('approve', state.id, state.step, new Date(this.#now).toISOString());
      this.#command = { command: 'approve', id: state.id, step: state.step, text };
    }
    const judged = this.#document.spec.rollout?.analysis !== undefined;
    return judged && this.#options.samples.exhausted ? 'SamplesEnded' : undefined;
  }

  #over(): boolean {
    const state = this.#state;
    return state?.target === this.#options.targetOf(this.#document) && !isWalking(state) && this.#settled;
  }

  #end(cut: Simulated['cut']): Simulated {
    return {
      moments: this.#moments,
      end: this.#state,
      endedAt: this.#now - TICK_MS - this.#start,
      ...(cut && { cut }),
      users: this.#users,
    };
  }
}
