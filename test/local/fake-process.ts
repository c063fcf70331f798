/** A runtime process without a process: the test says when it is ready, reads a table, or dies. */
import type { PublicDoorName } from '../../api/handoff.ts';
import type { Launch } from '../../api/launch.ts';
import type { PodReport } from '../../api/pod-report.ts';
import type { End, RuntimeProcess } from '../../local/process.ts';
import { type Counted, report } from './build.ts';

let ports = 20_000;

/** Inputs and outputs of digits. */
export const SIGNATURE: NonNullable<PodReport['signature']> = {
  inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 64] }],
  outputs: [{ name: 'label', datatype: 'INT64', shape: [-1] }],
};

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
  /** What its model takes and gives. */
  signature = SIGNATURE;
  /** Whether it answers for its report. */
  reports = true;
  /** Names of metrics that it was asked for last. */
  custom: readonly string[] | undefined;
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
    this.counts({});
    this.#onChange();
  }

  reads(revision: number): void {
    this.revision = revision;
    this.#onChange();
  }

  /** Counts as if it had answered so many requests of users. */
  answered(count: number, digest = 'ab'.repeat(32)): void {
    this.counts({ answered: count }, digest);
  }

  /** As totals since its start. */
  counts(counted: Counted, digest?: string): void {
    const { version } = this.launch;
    this.report = { ...report(version, { [version]: counted }, [], digest), signature: this.signature };
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

  async poll(custom?: readonly string[]): Promise<boolean> {
    this.custom = custom;
    return this.reports && this.report !== undefined;
  }

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
