/** Keeps one process of a version alive: what a Deployment with one replica does in a cluster. */
import type { Launch } from '../api/launch.ts';
import { sameJson } from '../core/equal.ts';
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
  restarts = 0;
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

  /** Whether it has been tried and never came up. */
  get failedToStart(): boolean {
    return this.#neverReady && this.#failures > 0;
  }

  /** Another launch is started beside the running one and takes its place when it is ready. */
  update(launch: Launch): void {
    if (sameJson(launch, this.#launch) || this.#stopping) return;
    this.#launch = launch;
    this.#failures = 0;
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

  /** Reads the reports of all its processes. */
  async poll(): Promise<void> {
    await Promise.all([...this.#alive].map((process) => process.poll()));
    this.#digest ??= this.#current?.report?.load.digest;
    if (this.lastEnd && this.#current && this.#isHealthy()) this.lastEnd = undefined;
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
      this.#readySince = clock.now();
      this.address = { host: '127.0.0.1', http: this.#current.directPort as number };
      say('info', 'version-ready', `${this.name} is loaded and warm`, this.name);
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
    this.lastEnd = end;
    const delay = restartDelay(this.#failures, end.wasReady, random());
    const what = end.wasReady ? 'crashed' : 'failed to load';
    say('error', end.wasReady ? 'version-crashed' : 'version-failed', `${this.name} ${what}: ${end.cause}`, this.name);
    if (this.#next) return;
    this.restartAt = clock.now() + delay;
    this.#cancelRestart = clock.after(delay, () => this.#start());
    const when = delay === 0 ? 'at once' : `in ${(delay / 1_000).toFixed(1)} s`;
    say('info', 'version-restarting', `${this.name} is started again ${when}`, this.name);
  }

  #isHealthy(): boolean {
    return this.#options.clock.now() - this.#readySince >= HEALTHY_MS;
  }
}
