/**
 * One ModelDeployment on this machine: gather → plan → execute, again whenever something happened. What happened does
 * not matter: each pass starts from what is.
 */
import type { Launch } from '../api/launch.ts';
import type { ModelDeployment } from '../api/model-deployment.ts';
import type { RolloutStatus } from '../api/status.ts';
import type { TrafficTable } from '../api/traffic-table.ts';
import { type Desired, firstMemory, type Memory, type Observed, type Plan } from '../core/model.ts';
import { plan } from '../core/plan.ts';
import { desiredOf, type LaunchSettings, speaksGrpc } from './accept.ts';
import type { Clock } from './clock.ts';
import { DoorKeeper } from './door-keeper.ts';
import { ignoredFields } from './ignored.ts';
import { Launches } from './launches.ts';
import type { PublicDoors } from './listen-handle.ts';
import { Meter } from './meter.ts';
import type { RuntimeProcess } from './process.ts';
import type { AskPrometheus } from './prometheus.ts';
import type { Say } from './say.ts';
import type { DeploymentState } from './state.ts';
import { TableKeeper } from './table-keeper.ts';
import { Versions } from './versions.ts';
import { Walk } from './walk.ts';

export interface SupervisorOptions {
  document: ModelDeployment;
  settings: Omit<LaunchSettings, 'table'>;
  doors: PublicDoors;
  state: DeploymentState;
  clock: Clock;
  /** 0 ≤ x < 1. */
  random(): number;
  start(launch: Launch, onChange: () => void): RuntimeProcess;
  say: Say;
  /** For `prometheus:` checks of a rollout. */
  prometheus?: AskPrometheus | undefined;
}

/** At the end of the run there is nowhere to move to; callers only learn that they must not come again. */
const LAST_LAME_DUCK_MS = 300;
const RETRY_MS = 1_000;

export class Supervisor {
  readonly doors: PublicDoors;
  readonly meter = new Meter();
  readonly versions: Versions;
  readonly #options: SupervisorOptions;
  readonly #doorKeeper: DoorKeeper;
  readonly #launches: Launches;
  readonly #walk: Walk;
  readonly #tableKeeper: TableKeeper;
  #document: ModelDeployment;
  #memory: Memory;
  #goal: Desired | undefined;
  #waiting: readonly string[] = [];
  #phase: 'serving' | 'draining' | 'stopped' = 'serving';
  #cancelWake: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #again = false;

  /** Starts nothing until `begin`. @throws LocalError when a model cannot be placed, or VERSION_REUSED */
  constructor(options: SupervisorOptions) {
    const { document, state, doors } = options;
    this.#options = options;
    this.doors = doors;
    this.#doorKeeper = new DoorKeeper(doors, options.say);
    this.#tableKeeper = new TableKeeper(state, options.say);
    this.#launches = new Launches(options.settings, state);
    this.#launches.accept(document);
    this.#document = document;
    this.#memory = firstMemory(state.split);
    this.#walk = new Walk(options);
    this.versions = new Versions({
      ...options,
      onChange: () => this.reconcile(),
      onEnd: (process) => [this.meter.bury(process.report), this.#walk.ended(process)],
    });
  }

  get document(): ModelDeployment {
    return this.#document;
  }

  get table(): TrafficTable | undefined {
    return this.#tableKeeper.table;
  }

  get phase(): 'serving' | 'draining' | 'stopped' {
    return this.#phase;
  }

  get waiting(): readonly string[] {
    return this.#waiting;
  }

  /** What is wanted now: what the file asks for, or where a rollout stands on the way there. */
  get goal(): Desired | undefined {
    return this.#goal;
  }

  /** Where the rollout stands, or how the last one ended. */
  get rollout(): RolloutStatus | undefined {
    return this.#walk.status;
  }

  /** Whether the split that is wanted now is in force. */
  get settled(): boolean {
    const wanted = new Map(this.#goal?.versions.map(({ name, share }) => [name, share]));
    const written = this.table?.versions.every(({ name, share }) => share === (wanted.get(name) ?? 0)) ?? false;
    return written && this.inForce && !this.starting;
  }

  /** Whether the first split is not in force yet. */
  get starting(): boolean {
    return this.#memory.starting !== undefined;
  }

  /** The version behind the public door. */
  get entry(): string | undefined {
    return this.#doorKeeper.holder?.launch.version;
  }

  /** Whether every ready process reports the table that was written last. */
  get inForce(): boolean {
    return this.#tableKeeper.isInForce(this.versions.serving());
  }

  /** Whether the door has ever been with a version. */
  get served(): boolean {
    return this.#doorKeeper.served;
  }

  /** Takes an edit, or leaves everything as it is. @param from where it comes from @throws LocalError */
  accept(document: ModelDeployment, from: string): void {
    this.#launches.accept(document);
    this.#document = document;
    this.#options.say('info', 'file-changed', `${from} was edited; applying it`);
    this.#options.state.acceptedIs(document, this.#leaving());
    this.versions.update(this.#launches.known);
    this.begin();
  }

  /** The first pass for a document, with what of it is left undone. */
  begin(): void {
    const { spec } = this.#document;
    const { prometheus } = this.#options;
    const noDoor = 'protocols: grpc was not among them when this run started; start again to serve it';
    const ignored = [
      ...ignoredFields(spec, prometheus !== undefined),
      ...(speaksGrpc(spec) && !this.doors.grpc ? [noDoor] : []),
    ];
    for (const each of ignored) this.#options.say('warn', 'field-ignored', each);
    this.reconcile();
  }

  /** Asks for a pass; one at a time, and never lost. */
  reconcile(): void {
    this.#again = true;
    this.#running ??= this.#passes().finally(() => {
      this.#running = undefined;
    });
  }

  /** Fresh reports and commands, samples of what was counted, and a pass. */
  async tick(): Promise<void> {
    await this.#sample();
    this.#walk.readCommand();
    this.reconcile();
  }

  async #sample(): Promise<void> {
    const at = this.#options.clock.now();
    const silent = await this.versions.poll(this.#walk.customMetrics(this.#document));
    const processes = this.versions.alive();
    this.meter.sample(
      at,
      processes.flatMap((process) => process.report ?? []),
    );
    this.#walk.sample(this.#document, processes, silent);
  }

  /** In-flight requests are answered, then all processes end: first the one behind the door, which calls the others. */
  async stop(): Promise<void> {
    this.#phase = 'draining';
    this.#cancelWake?.();
    this.#options.say('info', 'draining', 'answering what is in flight, then stopping');
    await this.#running;
    this.#doorKeeper.close();
    await this.#sample();
    const { holder } = this.#doorKeeper;
    holder?.drain(LAST_LAME_DUCK_MS);
    await holder?.ended;
    await this.versions.stop();
    this.#phase = 'stopped';
    this.#options.say('info', 'stopped', 'stopped');
  }

  /** Ends everything at once. */
  kill(): void {
    this.#phase = 'draining';
    this.#cancelWake?.();
    this.#doorKeeper.close();
    this.versions.kill();
  }

  /** Versions that exist, or that a rollout needs, though the file no longer lists them. */
  #leaving(): string[] {
    const listed = this.#document.spec.versions.map(({ name }) => name);
    const { heldByRollout } = this.#options.state;
    const there = new Set([...this.versions.names, ...heldByRollout, ...Object.keys(this.#before ?? {})]);
    return [...there].filter((name) => !listed.includes(name));
  }

  /** What was in force when an earlier life ended, until it is again, where a rollout leads on from it. */
  get #before(): Observed['before'] {
    return this.starting && this.#document.spec.rollout ? this.#options.state.sharesBefore : undefined;
  }

  async #passes(): Promise<void> {
    while (this.#again && this.#phase === 'serving') {
      this.#again = false;
      try {
        await this.#pass();
      } catch (error) {
        this.#options.say('error', 'split-waiting', `${(error as Error).message}; trying again`);
        this.#wakeAt(this.#options.clock.now() + RETRY_MS);
      }
    }
  }

  async #pass(): Promise<void> {
    this.#options.state.acceptedIs(this.#document, this.#leaving());
    const observed: Observed = {
      versions: this.versions.observed(),
      table: this.table,
      inForce: this.inForce,
      door: this.entry,
      served: this.table !== undefined && !this.starting,
      before: this.#before,
    };
    const desired = desiredOf(this.#document, this.#leaving());
    const { goal, waiting, wakeAt = Number.POSITIVE_INFINITY } = this.#walk.decide(this.#document, desired, observed);
    this.#goal = goal;
    const next = plan(goal, observed, this.#memory, this.#options.clock.now());
    const wake = Math.min(wakeAt, next.wakeAt ?? Number.POSITIVE_INFINITY);
    if (Number.isFinite(wake)) this.#wakeAt(wake);
    for (const reason of next.waiting) {
      if (!this.#waiting.includes(reason)) this.#options.say('info', 'split-waiting', reason);
    }
    this.#waiting = [...new Set([...waiting, ...next.waiting])];
    await this.#execute(next);
  }

  async #execute(next: Plan): Promise<void> {
    if (next.table) {
      this.#tableKeeper.write(next.table);
      this.#again = true;
    }
    this.#memory = next.memory;
    for (const { name } of next.run) {
      const launch = this.#launches.of(name);
      if (launch) this.versions.ensure(name, launch);
    }
    const ready = next.entry === undefined ? undefined : this.versions.get(next.entry)?.ready;
    if (ready && (await this.#doorKeeper.handOver(ready))) this.#again = true;
    for (const name of next.retire) this.versions.retire(name, () => this.reconcile());
    if (!this.table || !this.inForce) return;
    this.versions.drainReplaced(this.table, this.#doorKeeper.holder);
    if (this.#tableKeeper.cameIntoForce(next.memory.starting?.base)) this.meter.restart(this.#options.clock.now());
  }

  #wakeAt(at: number): void {
    this.#cancelWake?.();
    const delay = Math.max(0, at - this.#options.clock.now());
    this.#cancelWake = this.#options.clock.after(delay, () => this.reconcile());
  }
}
