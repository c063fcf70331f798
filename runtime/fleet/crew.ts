/** The processes of a replica: started, counted, started again when they die, ended. */
import type { Placement } from '../../api/handoff.ts';
import type { Clock } from '../clock.ts';
import { LoadError } from '../errors.ts';
import type { Member } from './member.ts';
import { type Metric, remainsOf } from './merge-metrics.ts';
import { addTallies, NOTHING, type Tally } from './merge-reports.ts';
import { MOST_DEATHS, restartAfter } from './restarts.ts';
import type { SharedModel } from './shared-model.ts';

export interface CrewOptions {
  clock: Clock;
  model: Pick<SharedModel, 'get'>;
  start(onChange: () => void): Member;
  /** How many processes it takes, once the first one is ready and has said where it runs the model. */
  decide(placement: Placement | undefined): Promise<number>;
  /** Something changed. */
  onChange(): void;
  onGone(member: Member): void;
  /** Nothing can be served, or not for long. */
  onHopeless(error: LoadError): void;
  log(level: 'info' | 'warn', details: object, message: string): void;
}

export class Crew {
  readonly #options: CrewOptions;
  readonly #alive = new Set<Member>();
  /** Weak: a replica may bury many, each with its last report and metrics. */
  readonly #given = new WeakSet<Member>();
  readonly #deaths: number[] = [];
  #wanted: number;
  /** Whether `#wanted` is final; undefined before the first process was measured. */
  #decided: boolean | undefined;
  /** What processes counted that are gone. */
  buried: { tally: Tally; metrics: Metric[] } = { tally: NOTHING, metrics: [] };
  /** Whether all were ready, once. */
  complete = false;
  restarts = 0;
  #stopping = false;

  /** @param first processes to begin with @param undecided whether the first one's measuring may ask for more */
  constructor(first: number, undecided: boolean, options: CrewOptions) {
    this.#options = options;
    this.#wanted = first;
    this.#decided = undecided ? undefined : true;
  }

  get wanted(): number {
    return this.#wanted;
  }

  get alive(): readonly Member[] {
    return [...this.#alive];
  }

  get ready(): readonly Member[] {
    return this.alive.filter(({ ready }) => ready);
  }

  /** Those that take connections. While the model loads for the first time, one process says so to callers. */
  get serving(): readonly Member[] {
    const ready = this.ready;
    return ready.length > 0 || this.complete ? ready : this.alive.filter(({ listening }) => listening).slice(0, 1);
  }

  begin(): void {
    while (this.#alive.size < this.#wanted) this.#start();
  }

  /** Nothing is started any more. */
  stop(): void {
    this.#stopping = true;
  }

  #start(): void {
    const member = this.#options.start(() => this.#look(member));
    this.#alive.add(member);
    this.#options.log('info', { process: member.pid }, 'process started');
  }

  /** What happened does not matter: it starts from what is. */
  #look(member: Member): void {
    if (member.end !== undefined) {
      this.#bury(member);
    } else if (!this.#stopping) {
      if (member.listening && !this.#given.has(member)) void this.#give(member);
      if (member.ready && this.#decided === undefined) void this.#decide(member.placement);
      this.#count();
    }
    this.#options.onChange();
  }

  async #give(member: Member): Promise<void> {
    this.#given.add(member);
    try {
      member.give(await this.#options.model.get());
    } catch (error) {
      member.fail(error instanceof LoadError ? error : new LoadError('INTERNAL', String(error)));
    }
  }

  async #decide(placement: Placement | undefined): Promise<void> {
    this.#decided = false;
    this.#wanted = await this.#options.decide(placement);
    this.#decided = true;
    if (this.#stopping) return;
    this.begin();
    this.#count();
    this.#options.onChange();
  }

  #count(): void {
    if (this.#decided && this.ready.length === this.#wanted) this.complete = true;
  }

  #bury(member: Member): void {
    if (!this.#alive.delete(member)) return;
    const { report, metrics, ready, end } = member;
    if (report) this.buried.tally = addTallies(this.buried.tally, report);
    this.buried.metrics = remainsOf([this.buried.metrics, metrics]);
    this.#options.onGone(member);
    if (this.#stopping) return;
    const failure = member.failure;
    const details = { process: member.pid, ...(failure && { code: failure.code, why: failure.message }) };
    this.#options.log('warn', details, `process ${end}`);
    if (!ready && !this.complete) {
      const died = new LoadError('LOAD_DIED', `a process of the replica ${end} while it opened the model`);
      this.#options.onHopeless(failure ?? died);
      return;
    }
    this.#replace(failure, end ?? '');
  }

  #replace(failure: LoadError | undefined, end: string): void {
    const { clock, onHopeless } = this.#options;
    this.#deaths.push(clock.now());
    if (this.#deaths.length > MOST_DEATHS + 1) this.#deaths.shift();
    const delay = restartAfter(this.#deaths);
    if (delay === undefined) {
      const message = `processes of the replica died ${this.#deaths.length} times within a minute; the last one ${end}`;
      onHopeless(failure ?? new LoadError('CRASH_LOOP', message));
      return;
    }
    const restart = () => {
      if (this.#stopping) return;
      this.restarts++;
      this.#start();
    };
    if (delay === 0) restart();
    else clock.after(delay, restart);
  }
}
