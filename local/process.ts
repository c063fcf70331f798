/** One runtime process: started, spoken to over IPC, asked for its report, ended. */
import { type ChildProcess, type SendHandle, spawn } from 'node:child_process';
import { appendFileSync, closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { fromRuntime, type PublicDoorName, type ToRuntime } from '../api/handoff.ts';
import { type Launch, launchArgs } from '../api/launch.ts';
import type { PodReport } from '../api/pod-report.ts';
import type { Clock } from './clock.ts';
import type { ReadReport } from './report-reader.ts';

/** How a process ended. */
export interface End {
  /** Code of its last words, such as MODEL_NOT_THERE. */
  code?: string;
  /** Its last words, else the end of what it wrote to stderr, else its exit code or signal. */
  cause: string;
  /** Whether it had been loaded and warm. */
  wasReady: boolean;
  /** Whether it was drained or killed by us. */
  asked: boolean;
}

/** What the supervisor needs of a runtime process; a test brings its own. */
export interface RuntimeProcess {
  readonly launch: Launch;
  readonly pid: number | undefined;
  readonly state: 'starting' | 'ready' | 'draining' | 'ended';
  /** Port of direct requests, once it is bound. */
  readonly directPort: number | undefined;
  /** Port of metrics, report and kept differences, on loopback, once it is bound. */
  readonly adminPort?: number | undefined;
  /** Revision of the table in force; 0 for none. */
  readonly revision: number;
  /** The last one that was read. */
  readonly report: PodReport | undefined;
  /** Settles once, soon after the end. */
  readonly ended: Promise<End>;
  /** Accept on a public socket. Rejects when it has not said so in time, or ended. */
  take(door: PublicDoorName, handle: unknown): Promise<void>;
  /** Accept no more. */
  release(): void;
  /**
   * Asks for a fresh report; without one the old one stays.
   * @param custom names of metrics that are wanted beside what each report has
   * @returns whether there was one
   */
  poll(custom?: readonly string[]): Promise<boolean>;
  /** Finish and exit. Killed when it takes too long. */
  drain(lameDuckMs: number): void;
  kill(): void;
}

export interface ProcessOptions {
  launch: Launch;
  /** Script of the runtime. */
  script: string;
  /** Where its output is appended. */
  logFile: string;
  /** Of its environment, what is not as in this process. */
  env?: Readonly<Record<string, string>>;
  clock: Clock;
  readReport: ReadReport;
  /** Its state changed, or a table came into force. */
  onChange(): void;
}

const TAKE_LIMIT_MS = 2_000;
/** The runtime cuts what does not end by itself after its longest request and 5 s. */
const DRAIN_GRACE_MS = 8_000;
const LEAST_DRAIN_MS = 30_000;
const STDERR_KEPT = 4_096;
/** A killed process may leave its pipes open for a moment. */
const LAST_WORDS_WAIT_MS = 2_000;

export class ChildRuntime implements RuntimeProcess {
  readonly launch: Launch;
  readonly ended: Promise<End>;
  readonly #options: ProcessOptions;
  readonly #child: ChildProcess;
  #state: RuntimeProcess['state'] = 'starting';
  #wasReady = false;
  #asked = false;
  #ports: { direct: number; admin: number } | undefined;
  #revision = 0;
  #report: PodReport | undefined;
  #stderr = '';
  readonly #taking = new Map<PublicDoorName, { resolve(): void; reject(error: Error): void }>();
  #cancelKill: (() => void) | undefined;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.launch = options.launch;
    const log = openSync(options.logFile, 'a');
    // Its own process group: Ctrl-C at a terminal goes to the whole group, and the order of draining is ours.
    this.#child = spawn(process.execPath, [options.script, ...launchArgs(options.launch)], {
      stdio: ['ignore', log, 'pipe', 'ipc'],
      detached: true,
      env: { ...process.env, ...options.env },
    });
    closeSync(log);
    this.#child.on('message', (message) => this.#hear(message));
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#keepStderr(chunk));
    this.ended = new Promise((resolve) => this.#onEnd(resolve));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get state(): RuntimeProcess['state'] {
    return this.#state;
  }

  get directPort(): number | undefined {
    return this.#ports?.direct;
  }

  get adminPort(): number | undefined {
    return this.#ports?.admin;
  }

  get revision(): number {
    return Math.max(this.#revision, this.#report?.table?.revision ?? 0);
  }

  get report(): PodReport | undefined {
    return this.#report;
  }

  take(door: PublicDoorName, handle: unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      const { version } = this.launch;
      const fail = (why: string) => reject(new Error(`${version} did not take the public ${door} socket: ${why}`));
      const cancel = this.#options.clock.after(TAKE_LIMIT_MS, () => fail(`no answer in ${TAKE_LIMIT_MS} ms`));
      this.#taking.set(door, {
        resolve: () => [cancel(), resolve()],
        reject: (error) => [cancel(), fail(error.message)],
      });
      this.#send({ type: 'take', door }, handle);
    });
  }

  release(): void {
    this.#send({ type: 'release' });
  }

  async poll(custom?: readonly string[]): Promise<boolean> {
    if (!this.#ports || this.#state === 'ended') return false;
    const report = await this.#options.readReport(this.#ports.admin, custom);
    if (report) this.#report = report;
    return report !== undefined;
  }

  drain(lameDuckMs: number): void {
    if (this.#state === 'draining' || this.#state === 'ended') return;
    this.#state = 'draining';
    this.#asked = true;
    this.#send({ type: 'drain', lameDuck: Math.round(lameDuckMs) });
    const limit = lameDuckMs + Math.max(this.launch.serving.limits.timeoutMs, LEAST_DRAIN_MS) + DRAIN_GRACE_MS;
    this.#cancelKill = this.#options.clock.after(limit, () => this.kill());
    this.#options.onChange();
  }

  kill(): void {
    this.#asked = true;
    this.#child.kill('SIGKILL');
  }

  #send(message: ToRuntime, handle?: unknown): void {
    if (!this.#child.connected) {
      this.#rejectTaking(new Error('it has ended'));
      return;
    }
    // A failed write means that the process is ending; `exit` tells.
    this.#child.send(message, handle as SendHandle, (error) => error && this.#rejectTaking(error));
  }

  #rejectTaking(error: Error): void {
    for (const taking of this.#taking.values()) taking.reject(error);
  }

  #hear(raw: unknown): void {
    const parsed = fromRuntime.safeParse(raw);
    if (!parsed.success || this.#state === 'ended') return;
    const message = parsed.data;
    switch (message.type) {
      case 'listening':
        if (message.direct !== undefined && message.admin !== undefined) {
          this.#ports = { direct: message.direct, admin: message.admin };
        }
        break;
      case 'ready':
        if (this.#state === 'starting') this.#state = 'ready';
        this.#wasReady = true;
        break;
      case 'taken':
        this.#taking.get(message.door)?.resolve();
        break;
      case 'table':
        this.#revision = message.revision;
        break;
      default:
        break;
    }
    this.#options.onChange();
  }

  #keepStderr(chunk: Buffer): void {
    this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_KEPT);
    appendFileSync(this.#options.logFile, chunk);
  }

  #onEnd(resolve: (end: End) => void): void {
    const end = (how: string) => {
      this.#state = 'ended';
      this.#cancelKill?.();
      this.#rejectTaking(new Error(how));
      this.#options.onChange();
      const finish = () => resolve(this.#end(how));
      const cancel = this.#options.clock.after(LAST_WORDS_WAIT_MS, finish);
      this.#child.once('close', () => [cancel(), finish()]);
    };
    this.#child.once('exit', (code, signal) => end(signal ? `ended by ${signal}` : `exited with code ${code}`));
    this.#child.once(
      'error',
      (error) => this.#child.pid === undefined && end(`could not be started: ${error.message}`),
    );
  }

  #end(how: string): End {
    const words = takeLastWords(this.launch.terminationLog);
    const [, code] = /^([A-Z][A-Z_]+): /.exec(words) ?? [];
    const stderr = this.#stderr.trim().split('\n').slice(-5).join('\n');
    const cause = words || (stderr ? `${how}: ${stderr}` : how);
    return { ...(code && { code }), cause, wasReady: this.#wasReady, asked: this.#asked };
  }
}

function takeLastWords(file: string | undefined): string {
  if (file === undefined) return '';
  try {
    const words = readFileSync(file, 'utf8').trim();
    rmSync(file, { force: true });
    return words;
  } catch {
    // A killed process leaves none.
    return '';
  }
}
