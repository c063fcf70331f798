/** One of the processes of a replica, as the head sees it. */
import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { type Diffs, diffs } from '../../api/diffs.ts';
import { type DoorName, type FromRuntime, fromRuntime, type Placement, type ToRuntime } from '../../api/handoff.ts';
import { type Launch, launchArgs } from '../../api/launch.ts';
import { type PodReport, podReport } from '../../api/pod-report.ts';
import type { Clock } from '../clock.ts';
import { LOAD_ERRORS, LoadError, type LoadErrorCode } from '../errors.ts';
import type { GivenModel } from '../load.ts';
import type { Player } from './dealer.ts';
import type { Metric } from './merge-metrics.ts';

export interface MemberOptions {
  /** See `memberLaunch`. */
  launch: Launch;
  /** Script of the runtime. */
  script: string;
  clock: Clock;
  /** It said something that changes what is to be done, or ended. */
  onChange(): void;
  onAccepted(id: number): void;
}

/** How long a process may take to answer a question, ms. Probes give up after a second. */
const ANSWER_LIMIT_MS = 800;

type Asked = Extract<ToRuntime, { type: 'ask' }>['what'];

export class Member implements Player {
  /** Whether its doors can take connections; the model may still be loading. */
  listening = false;
  ready = false;
  /** Set once it is gone: how. */
  end: string | undefined;
  open = 0;
  /** Revision of the table in force; 0 for none. */
  revision = 0;
  placement: Placement | undefined;
  /** What it said, or what became of it, when it could not start. */
  failure: LoadError | undefined;
  /** What it last answered. */
  report: PodReport | undefined;
  metrics: readonly Metric[] = [];
  readonly ended: Promise<void>;
  readonly #options: MemberOptions;
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, (body: unknown) => void>();
  #id = 0;
  #diffs: Diffs | undefined;

  constructor(options: MemberOptions) {
    this.#options = options;
    // Its own process group: a Ctrl-C at a terminal is the head's to act on.
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
    this.#child = fork(options.script, launchArgs(options.launch), { stdio: [...stdio], detached: true });
    this.#child.on('message', (message) => this.#hear(message));
    this.ended = new Promise((resolve) => this.#onEnd(resolve));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  serve(door: DoorName, id: number, socket: Socket): void {
    // Kept open here until it says that it has it.
    this.#send({ type: 'connection', door, id }, socket);
  }

  give({ path, digest, phases }: GivenModel): void {
    this.#send({ type: 'model', path, digest, phases: { ...phases } });
  }

  tell(message: Extract<ToRuntime, { type: 'unready' | 'release' | 'drain' }>): void {
    this.#send(message);
  }

  /** Why it cannot start, when the head knows better than it. */
  fail(failure: LoadError): void {
    this.failure = failure;
    this.kill();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Asks for fresh numbers. @returns whether it answered in time; if not, the last ones stay */
  async ask(what: Asked): Promise<boolean> {
    if (!this.listening || this.end !== undefined) return false;
    const id = ++this.#id;
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ANSWER_LIMIT_MS, () => resolve(false));
      // A late answer is kept, too: what is known must not go back.
      this.#asked.set(id, (body) => {
        cancel();
        resolve(this.#keep(what, body));
      });
      this.#send({ type: 'ask', id, what });
    });
  }

  /** What it last answered, once: they may be large. */
  takeDiffs(): Diffs | undefined {
    const taken = this.#diffs;
    this.#diffs = undefined;
    return taken;
  }

  #keep(what: Asked, body: unknown): boolean {
    if (this.end !== undefined) return false;
    if (what === 'metrics') this.metrics = body as Metric[];
    else if (what === 'diffs') this.#diffs = diffs.parse(body);
    else this.report = podReport.parse(body);
    return true;
  }

  #send(message: ToRuntime, socket?: Socket): void {
    if (!this.#child.connected) return;
    // A failed write means that it is ending; `exit` tells.
    this.#child.send(message, socket, { keepOpen: true }, () => {});
  }

  #hear(raw: unknown): void {
    const parsed = fromRuntime.safeParse(raw);
    if (parsed.success && this.end === undefined) this.#obey(parsed.data);
  }

  #obey(message: FromRuntime): void {
    switch (message.type) {
      case 'accepted':
        this.open = message.open;
        this.#options.onAccepted(message.id);
        return;
      case 'open':
        this.open = message.open;
        return;
      case 'answer':
        this.#asked.get(message.id)?.(message.body);
        this.#asked.delete(message.id);
        return;
      case 'failed':
        this.failure ??= new LoadError(codeOf(message.code), message.message);
        return;
      case 'listening':
        this.listening = true;
        break;
      case 'ready':
        this.ready = true;
        this.placement = message.placement;
        break;
      case 'table':
        this.revision = message.revision;
        break;
      default:
        return;
    }
    this.#options.onChange();
  }

  #onEnd(resolve: () => void): void {
    const end = (how: string) => {
      if (this.end !== undefined) return;
      this.end = how;
      for (const answer of this.#asked.values()) answer(undefined);
      resolve();
      this.#options.onChange();
    };
    this.#child.once('exit', (code, signal) => end(signal ? `ended by ${signal}` : `exited with code ${code}`));
    this.#child.once('error', ({ message }) => this.pid === undefined && end(`could not be started: ${message}`));
  }
}

function codeOf(code: string): LoadErrorCode {
  return LOAD_ERRORS.find((known) => known === code) ?? 'INTERNAL';
}
