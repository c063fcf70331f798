/**
 * One ModelDeployment on this machine: gather → plan → execute, again whenever something happened. What happened does
 * not matter: each pass starts from what is.
 */
import type { Launch } from '../api/launch.ts';
import type { ModelDeployment } from '../api/model-deployment.ts';
import type { TrafficTable } from '../api/traffic-table.ts';
import { percentOf } from '../api/units.ts';
import { firstMemory, type Memory, type Plan } from '../core/model.ts';
import { plan } from '../core/plan.ts';
import { reusedVersions } from '../core/reuse.ts';
import { desiredOf, type LaunchSettings, launchesOf, speaksGrpc } from './accept.ts';
import type { Clock } from './clock.ts';
import { DoorKeeper } from './door-keeper.ts';
import { LocalError } from './errors.ts';
import { ignoredFields } from './ignored.ts';
import { authorityOf, type PublicDoors, urlOf } from './listen-handle.ts';
import { Meter } from './meter.ts';
import type { RuntimeProcess } from './process.ts';
import type { Say } from './say.ts';
import type { DeploymentState } from './state.ts';
import { Versions } from './versions.ts';

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
  #document: ModelDeployment;
  #launches: Map<string, Launch>;
  #table: TrafficTable | undefined;
  #memory: Memory;
  #plan: Plan | undefined;
  #phase: 'serving' | 'draining' | 'stopped' = 'serving';
  #served = false;
  /** The split that the meter measures. */
  #measured = '';
  #cancelWake: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #again = false;

  /** Starts nothing until `begin`. @throws LocalError when a model cannot be placed, or VERSION_REUSED */
  constructor(options: SupervisorOptions) {
    const { document, state, doors } = options;
    this.#options = options;
    this.doors = doors;
    this.#doorKeeper = new DoorKeeper(doors);
    this.#launches = this.#launchesFor(document);
    this.#document = document;
    this.#memory = firstMemory(state.split);
    const onChange = () => this.reconcile();
    this.versions = new Versions({ ...options, onChange, onEnd: (process) => this.meter.bury(process.report) });
  }

  get document(): ModelDeployment {
    return this.#document;
  }

  get table(): TrafficTable | undefined {
    return this.#table;
  }

  get phase(): 'serving' | 'draining' | 'stopped' {
    return this.#phase;
  }

  get waiting(): readonly string[] {
    return this.#plan?.waiting ?? [];
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
    const { revision } = this.#table ?? {};
    return revision !== undefined && this.versions.serving().every((process) => process.revision === revision);
  }

  /** Whether the door has ever been with a version. */
  get served(): boolean {
    return this.#served;
  }

  /** Takes an edit, or leaves everything as it is. @param from where it comes from @throws LocalError */
  accept(document: ModelDeployment, from: string): void {
    this.#launches = this.#launchesFor(document);
    this.#document = document;
    this.#options.say('info', 'file-changed', `${from} was edited; applying it`);
    this.#options.state.acceptedIs(document, this.#leaving());
    this.versions.update(this.#launches);
    this.begin();
  }

  /** The first pass for a document, with what of it is left undone. */
  begin(): void {
    const { spec } = this.#document;
    const noDoor = 'protocols: grpc was not among them when this run started; start again to serve it';
    const ignored = [...ignoredFields(spec), ...(speaksGrpc(spec) && !this.doors.grpc ? [noDoor] : [])];
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

  /** Fresh reports, a sample for the meter, and a pass. */
  async tick(): Promise<void> {
    await this.#sample();
    this.reconcile();
  }

  async #sample(): Promise<void> {
    const at = this.#options.clock.now();
    await this.versions.poll();
    const reports = this.versions.alive().flatMap((process) => process.report ?? []);
    this.meter.sample(at, reports);
  }

  /** In-flight requests are answered, then all processes end: first the one behind the door, which calls the others. */
  async stop(): Promise<void> {
    this.#phase = 'draining';
    this.#cancelWake?.();
    this.#options.say('info', 'draining', 'answering what is in flight, then stopping');
    await this.#running;
    this.#closeDoors();
    await this.#sample();
    const { holder } = this.#doorKeeper;
    holder?.drain(LAST_LAME_DUCK_MS);
    await holder?.ended;
    await this.versions.stop();
    this.#phase = 'stopped';
    this.#options.say('info', 'stopped', 'stopped');
  }

  #closeDoors(): void {
    this.doors.http.close();
    this.doors.grpc?.close();
  }

  /** Ends everything at once. */
  kill(): void {
    this.#phase = 'draining';
    this.#cancelWake?.();
    this.#closeDoors();
    this.versions.kill();
  }

  #launchesFor(document: ModelDeployment): Map<string, Launch> {
    const { settings, state } = this.#options;
    const reused = reusedVersions(state.accepted, document.spec.versions);
    if (reused.length > 0) {
      const messages = reused.map(({ message }) => `${document.metadata.name}: ${message}`);
      throw new LocalError('VERSION_REUSED', messages.join('\n'));
    }
    return launchesOf(document, { ...settings, table: state.tableFile });
  }

  /** Versions that exist though the file no longer lists them. */
  #leaving(): string[] {
    const listed = this.#document.spec.versions.map(({ name }) => name);
    return this.versions.names.filter((name) => !listed.includes(name));
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
    const observed = {
      versions: this.versions.observed(),
      table: this.#table,
      inForce: this.inForce,
      door: this.entry,
    };
    const desired = desiredOf(this.#document, this.#leaving());
    await this.#execute(plan(desired, observed, this.#memory, this.#options.clock.now()));
  }

  async #execute(next: Plan): Promise<void> {
    if (next.table) this.#write(next.table);
    const waited = this.waiting;
    this.#memory = next.memory;
    this.#plan = next;
    if (next.wakeAt !== undefined) this.#wakeAt(next.wakeAt);
    for (const { name } of next.run) {
      const launch = this.#launches.get(name);
      if (launch) this.versions.ensure(name, launch);
    }
    this.#sayWaiting(waited, next.waiting);
    const ready = next.entry === undefined ? undefined : this.versions.get(next.entry)?.ready;
    if (ready) await this.#moveDoor(ready);
    for (const name of next.retire) this.versions.retire(name, () => this.reconcile());
    if (!this.#table || !this.inForce) return;
    this.versions.drainReplaced(this.#table, this.#doorKeeper.holder);
    this.#cameIntoForce(this.#table);
  }

  #write(table: TrafficTable): void {
    const moved = !this.#table || sharesOf(this.#table) !== sharesOf(table);
    this.#options.state.writeTable(table);
    this.#table = table;
    this.#again = true;
    if (moved)
      this.#options.say('info', 'traffic-moved', `the split is ${sharesOf(table)} (revision ${table.revision})`);
  }

  async #moveDoor(to: RuntimeProcess): Promise<void> {
    const before = this.entry;
    const { version } = to.launch;
    if (!(await this.#doorKeeper.handOver(to))) return;
    this.#again = true;
    const { http, grpc } = this.doors;
    const at = grpc ? `${urlOf(http)} and, over gRPC, ${authorityOf(grpc)}` : urlOf(http);
    if (!this.#served) this.#options.say('info', 'serving', `serving at ${at}, through ${version}`, version);
    else if (before !== version) {
      const instead = before === undefined ? '' : ` instead of ${before}`;
      this.#options.say('info', 'entry-moved', `${version} answers the door${instead}`, version);
    }
    this.#served = true;
  }

  #cameIntoForce(table: TrafficTable): void {
    const shares = sharesOf(table);
    if (this.#measured === shares) return;
    this.#measured = shares;
    this.meter.restart(this.#options.clock.now());
    this.#options.state.splitIs(this.#memory.starting?.base ?? table.versions);
  }

  #sayWaiting(before: readonly string[], now: readonly string[]): void {
    for (const reason of now) if (!before.includes(reason)) this.#options.say('info', 'split-waiting', reason);
  }

  #wakeAt(at: number): void {
    this.#cancelWake?.();
    const delay = Math.max(0, at - this.#options.clock.now());
    this.#cancelWake = this.#options.clock.after(delay, () => this.reconcile());
  }
}

function sharesOf(table: TrafficTable): string {
  return table.versions.map(({ name, share }) => `${name} ${percentOf(share)}%`).join(', ');
}
