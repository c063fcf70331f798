/** A runtime process without a process: the test says when it is ready, reads a table, or dies. */
import type { PublicDoorName } from '../../api/handoff.ts';
import type { Launch } from '../../api/launch.ts';
import type { End, RuntimeProcess } from '../../local/process.ts';
import { report } from './build.ts';

let ports = 20_000;

export class FakeProcess implements RuntimeProcess {
  readonly launch: Launch;
  readonly pid: number;
  readonly directPort = ports++;
  state: RuntimeProcess['state'] = 'starting';
  revision = 0;
  report: RuntimeProcess['report'];
  /** Public sockets that it accepts on. */
  readonly doors = new Set<PublicDoorName>();
  /** Whether it answers `take`. */
  takes = true;
  readonly ended: Promise<End>;
  readonly #onChange: () => void;
  readonly #end = Promise.withResolvers<End>();
  #asked = false;

  constructor(launch: Launch, onChange: () => void) {
    this.launch = launch;
    this.pid = this.directPort;
    this.#onChange = onChange;
    this.ended = this.#end.promise;
  }

  becomeReady(): void {
    this.state = 'ready';
    this.#onChange();
  }

  reads(revision: number): void {
    this.revision = revision;
    this.#onChange();
  }

  /** Counts as if it had answered so many requests of users. */
  answered(count: number, digest = 'ab'.repeat(32)): void {
    const { version } = this.launch;
    this.report = report(version, { [version]: { answered: count } }, [], digest);
  }

  crash(cause = 'ended by SIGKILL', code?: string): void {
    if (this.state === 'ended') return;
    const wasReady = this.state === 'ready' || this.state === 'draining';
    this.state = 'ended';
    this.doors.clear();
    this.#onChange();
    this.#end.resolve({ cause, wasReady, asked: this.#asked, ...(code && { code }) });
  }

  /** Whether it accepts on the public HTTP socket. */
  get accepts(): boolean {
    return this.doors.has('http');
  }

  async take(door: PublicDoorName): Promise<void> {
    if (!this.takes || this.state === 'ended') throw new Error(`${this.launch.version} did not take the public socket`);
    this.doors.add(door);
  }

  release(): void {
    this.doors.clear();
  }

  async poll(): Promise<void> {}

  drain(): void {
    if (this.state === 'draining' || this.state === 'ended') return;
    this.#asked = true;
    this.doors.clear();
    this.state = 'draining';
    this.#onChange();
  }

  /** What it was asked for by `drain`. */
  finishDraining(): void {
    if (this.state === 'draining') this.crash('exited with code 0');
  }

  kill(): void {
    this.#asked = true;
    this.crash();
  }
}
