/** A supervisor whose processes are played by the test. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROLLOUT_COMMAND_FILE } from '../../api/rollout-command.ts';
import { type TrafficTable, trafficTable } from '../../api/traffic-table.ts';
import type { AskPrometheus } from '../../local/prometheus.ts';
import type { LocalEvent } from '../../local/snapshot.ts';
import { DeploymentState } from '../../local/state.ts';
import { Supervisor } from '../../local/supervisor.ts';
import { viewOf } from '../../local/view.ts';
import { document } from './build.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { FakeProcess } from './fake-process.ts';

export class World {
  readonly clock = new FakeClock();
  readonly folder: string;
  readonly processes: FakeProcess[] = [];
  readonly events: LocalEvent[] = [];
  readonly supervisor: Supervisor;
  doorClosed = false;

  constructor(traffic: Record<string, number>, spec: object = {}, folder?: string, prometheus?: AskPrometheus) {
    this.folder = folder ?? mkdtempSync(join(tmpdir(), 'modelship-test-'));
    this.supervisor = new Supervisor({
      document: document(traffic, spec),
      settings: { places: { volumes: {}, base: '/project' }, logLevel: 'warn' },
      doors: {
        http: { host: '127.0.0.1', port: 8080, handle: {}, close: () => this.#closeDoor() },
        grpc: { host: '127.0.0.1', port: 8081, handle: {}, close() {} },
      },
      state: new DeploymentState(join(this.folder, 'digits')),
      clock: this.clock,
      prometheus,
      random: () => 0.5,
      start: (launch, onChange) => {
        const process = new FakeProcess(launch, onChange);
        this.processes.push(process);
        return process;
      },
      say: (level, type, message, version) =>
        this.events.push({ time: '', deployment: 'digits', level, type, message, ...(version && { version }) }),
    });
  }

  #closeDoor(): void {
    this.doorClosed = true;
  }

  /** One that serves what it is asked for. */
  static async serving(traffic: Record<string, number>, spec: object = {}): Promise<World> {
    const world = new World(traffic, spec);
    await world.pass();
    for (const name of Object.keys(traffic)) world.newest(name).becomeReady();
    await world.everybodyReads();
    return world;
  }

  newest(version: string): FakeProcess {
    const found = this.processes.findLast((process) => process.launch.version === version);
    if (!found) throw new Error(`there is no process of ${version}`);
    return found;
  }

  async pass(): Promise<void> {
    this.supervisor.reconcile();
    await settle();
  }

  /** A beat: reports and commands are read. */
  async beat(): Promise<void> {
    await this.supervisor.tick();
    await settle();
  }

  /** Beats, as a run has them, while time goes by. */
  async beats(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      await this.clock.advance(500);
      await this.beat();
    }
  }

  /** Leaves a command as `modelship rollout` does. */
  command(text: string): void {
    writeFileSync(join(this.folder, 'digits', ROLLOUT_COMMAND_FILE), `${text}\n`);
  }

  async edit(traffic: Record<string, number>, spec: object = {}): Promise<void> {
    this.supervisor.accept(document(traffic, spec), 'test.yaml');
    await settle();
  }

  /** The table that processes find now. */
  get table(): TrafficTable | undefined {
    try {
      return trafficTable.parse(JSON.parse(readFileSync(join(this.folder, 'digits/traffic.json'), 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  get shares(): Record<string, number> {
    return Object.fromEntries((this.table?.versions ?? []).map(({ name, share }) => [name, share / 100]));
  }

  /** All processes that are ready report the newest table. */
  async everybodyReads(): Promise<void> {
    await settle();
    for (const process of this.processes) {
      if (process.state === 'ready') process.reads(this.table?.revision ?? 0);
    }
    await settle();
  }

  /** Versions whose process accepts on the public socket. */
  get accepting(): string[] {
    return this.processes.filter((process) => process.accepts).map((process) => process.launch.version);
  }

  get running(): string[] {
    return this.processes.filter(({ state }) => state !== 'ended').map((process) => process.launch.version);
  }

  view = () => viewOf(this.supervisor);

  said(type: LocalEvent['type']): string[] {
    return this.events.filter((event) => event.type === type).map(({ message }) => message);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
