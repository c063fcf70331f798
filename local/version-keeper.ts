/** Keeps one process of a version alive: what a Deployment with one replica does in a cluster. */
import type { Launch } from '../api/launch.ts';
import type { PodReport } from '../api/pod-report.ts';
import { sameJson } from '../core/equal.ts';
import type { ObservedVersion } from '../core/model.ts';
import { restartDelay } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { End, RuntimeProcess } from './process.ts';
import type { Say } from './say.ts';

export interface KeeperOptions {
  name: string;
  launch: Launch;
  clock: Clock;
  /** 0 ≤ x < 1. */
  random(): number;
  start(launch: Launch, onChange: () => void): RuntimeProcess;
  /** Something of it changed. */
  onChange(): void;
  /** A process ended; its last report counts for what it did. */
  onEnd(process: RuntimeProcess): void;
  say: Say;
}

/** A process that was ready for this long had nothing to do with the crashes before. */
const HEALTHY_MS = 10_000;

/** Codes of a failed load that say nothing of the model: what they name may pass, or be mended, elsewhere. */
const MAY_PASS: readonly string[] = ['MODEL_UNREACHABLE', 'MODEL_FORBIDDEN', 'ADDRESS_IN_USE', 'INTERNAL'];
/** Loads in a row that must end with the same code: a file may still be on its way into the folder. */
const LASTING = 2;

export class VersionKeeper {
  readonly name: string;
  readonly #options: KeeperOptions;
  #launch: Launch;
  /** The one that is ready and serves. */
  #current: RuntimeProcess | undefined;
  /** The one that is being started: the first, one after a crash, or a replacement for another launch. */
  #next: RuntimeProcess | undefined;
  /** Replaced ones; they serve until the supervisor says that nobody needs them. */
  readonly #replaced = new Set<RuntimeProcess>();
  readonly #alive = new Set<RuntimeProcess>();
  #readySince = 0;
  #failures = 0;
  #neverReady = true;
  #cancelRestart: (() => void) | undefined;
  #stopping = false;
  #digest: string | undefined;
  #signature: PodReport['signature'];
  /** Loads in a row that failed with one code. */
  #refused: { code: string; times: number } | undefined;
  restarts = 0;
  /** Ends of processes that nobody asked for and that no code explains; a load that is refused is no exit. */
  exits = 0;
  /** How its last process ended; kept until a later one has been ready for a while. */
  lastEnd: End | undefined;
  /** When the next process is started, while none is. */
  restartAt: number | undefined;
  /** Where requests for this version go, or went when it was last ready. */
  address: { host: string; http: number } | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.name = options.name;
    this.#launch = options.launch;
    this.#start();
  }

  get ready(): RuntimeProcess | undefined {
    return this.#current;
  }

  get replaced(): ReadonlySet<RuntimeProcess> {
    return this.#replaced;
  }

  /** All that have not ended yet. */
  get alive(): ReadonlySet<RuntimeProcess> {
    return this.#alive;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** SHA-256 of the model that it was first seen to serve; every later process must load the same. */
  get digest(): string | undefined {
    return this.#digest;
  }

  /** Inputs and outputs of its model, once a process has told. */
  get signature(): PodReport['signature'] {
    return this.#signature;
  }

  /** Why it does not come up by waiting: its model, or what goes with it, is refused again and again. */
  get failure(): ObservedVersion['failure'] {
    const { code, times } = this.#refused ?? {};
    if (code === undefined || times === undefined || times < LASTING || this.#stopping) return undefined;
    const { cause = '' } = this.lastEnd ?? {};
    return { code, message: cause.startsWith(`${code}: `) ? cause.slice(code.length + 2) : cause };
  }

  /** Whether it has been tried and never came up. */
  get failedToStart(): boolean {
    return this.#neverReady && this.#failures > 0;
  }

  /** Another launch is started beside the running one and takes its place when it is ready. */
  update(launch: Launch): void {
    if (sameJson(launch, this.#launch) || this.#stopping) return;
    this.#launch = launch;
    this.#failures = 0;
    this.#refused = undefined;
    this.#options.say('info', 'version-replacing', `${this.name} is started anew, with other settings`, this.name);
    this.#next?.kill();
    this.#start();
  }

  /** Ends all its processes for good. */
  stop(lameDuckMs: number): void {
    this.#stopping = true;
    this.#cancelRestart?.();
    this.#next?.kill();
    for (const process of this.#alive) process.drain(lameDuckMs);
  }

  kill(): void {
    this.#stopping = true;
    this.#cancelRestart?.();
    for (const process of this.#alive) process.kill();
  }

  /** Reads the reports of all its processes. @returns those that are ready and gave none */
  async poll(custom?: readonly string[]): Promise<RuntimeProcess[]> {
    const silent: RuntimeProcess[] = [];
    const read = async (process: RuntimeProcess) => {
      if (!(await process.poll(custom)) && process.state === 'ready') silent.push(process);
    };
    await Promise.all([...this.#alive].map(read));
    this.#learn();
    if (this.lastEnd && this.#current && this.#isHealthy()) this.lastEnd = undefined;
    return silent;
  }

  #learn(): void {
    const report = this.#current?.report;
    this.#digest ??= report?.load.digest;
    this.#signature ??= report?.signature;
  }

  #start(): void {
    this.#cancelRestart?.();
    this.#cancelRestart = undefined;
    this.restartAt = undefined;
    const sha256 = this.#launch.sha256 ?? this.#digest;
    const launch = sha256 === undefined ? this.#launch : { ...this.#launch, sha256 };
    const process = this.#options.start(launch, () => this.#look());
    this.#next = process;
    this.#alive.add(process);
    this.#options.say('info', 'version-starting', `${this.name} is starting (pid ${process.pid ?? '?'})`, this.name);
    process.ended.then((end) => this.#bury(process, end));
  }

  /** A process changed its state. */
  #look(): void {
    const { clock, say } = this.#options;
    if (this.#next?.state === 'ready') {
      if (this.#current) this.#replaced.add(this.#current);
      this.#current = this.#next;
      this.#next = undefined;
      this.#neverReady = false;
      this.#refused = undefined;
      this.#readySince = clock.now();
      this.address = { host: '127.0.0.1', http: this.#current.directPort as number };
      say('info', 'version-ready', `${this.name} is loaded and warm`, this.name);
      // Its signature is waited for: not until the next beat.
      void this.#current.poll().then(() => [this.#learn(), this.#options.onChange()]);
    }
    // The door must move at once; why it ended is known a little later.
    if (this.#current && this.#current.state !== 'ready') this.#current = undefined;
    this.#options.onChange();
  }

  #bury(process: RuntimeProcess, end: End): void {
    this.#alive.delete(process);
    const replaced = this.#replaced.delete(process);
    if (this.#next === process) this.#next = undefined;
    this.#options.onEnd(process);
    if (!end.asked && !replaced && !this.#stopping) this.#restartAfter(end);
    this.#options.onChange();
  }

  #restartAfter(end: End): void {
    const { clock, random, say } = this.#options;
    if (end.wasReady && this.#isHealthy()) this.#failures = 0;
    this.#failures++;
    this.restarts++;
    if (end.wasReady || end.code === undefined) this.exits++;
    this.lastEnd = end;
    this.#noteRefusal(end);
    const delay = restartDelay(this.#failures, end.wasReady, random());
    const what = end.wasReady ? 'crashed' : 'failed to load';
    say('error', end.wasReady ? 'version-crashed' : 'version-failed', `${this.name} ${what}: ${end.cause}`, this.name);
    if (this.#next) return;
    this.restartAt = clock.now() + delay;
    this.#cancelRestart = clock.after(delay, () => this.#start());
    const when = delay === 0 ? 'at once' : `in ${(delay / 1_000).toFixed(1)} s`;
    say('info', 'version-restarting', `${this.name} is started again ${when}`, this.name);
  }

  #noteRefusal({ code, wasReady }: End): void {
    const own = code !== undefined && !wasReady && !MAY_PASS.includes(code);
    this.#refused = own ? { code, times: this.#refused?.code === code ? this.#refused.times + 1 : 1 } : undefined;
  }

  #isHealthy(): boolean {
    return this.#options.clock.now() - this.#readySince >= HEALTHY_MS;
  }
}
