/** A run that goes on: its supervisors, its beat, its listeners, its edits and its end. */
import { sameJson } from '../core/equal.ts';
import { isWalking } from '../core/rollout/model.ts';
import type { Clock } from './clock.ts';
import { LocalError } from './errors.ts';
import { readEdit, type SourceFile } from './files.ts';
import { firstFailures } from './first-load.ts';
import { writeJson } from './json-file.ts';
import { authorityOf, urlOf } from './listen-handle.ts';
import type { Say } from './say.ts';
import type { LocalEvent, Snapshot } from './snapshot.ts';
import type { Supervisor } from './supervisor.ts';
import { viewOf } from './view.ts';
import { watchFile } from './watch-file.ts';

export interface RunEvents {
  /** Something happened. */
  event: (event: LocalEvent) => void;
  /** Fresh numbers, about twice a second. */
  snapshot: (snapshot: Snapshot) => void;
}

export interface LocalRun {
  readonly deployments: readonly { name: string; url: string; entryPort: number; grpc?: string }[];
  /** @returns how to stop listening */
  on<K extends keyof RunEvents>(name: K, listener: RunEvents[K]): () => void;
  snapshot(): Snapshot;
  /** The split that is wanted now is in force for every ModelDeployment. Rejects with NOTHING_TO_SERVE. */
  readonly ready: Promise<void>;
  /** Drains: in flight requests are answered, processes end. Called again, it ends everything at once. */
  stop(): Promise<void>;
  /** When everything has ended. The code is 0 after `stop`, 4 when nothing could be served. */
  readonly closed: Promise<{ code: number }>;
}

export interface RunningOptions {
  clock: Clock;
  /** Where the snapshot is kept, every few seconds, and twice a second while a rollout moves. */
  statusFile: string | undefined;
  /** To be called at the very end. */
  cleanUp: (() => void)[];
}

const BEAT_MS = 500;
const STATUS_EVERY_BEATS = 10;

export class Running implements LocalRun {
  readonly ready: Promise<void>;
  readonly closed: Promise<{ code: number }>;
  readonly #options: RunningOptions;
  readonly #supervisors: Supervisor[] = [];
  readonly #listeners = { event: new Set<RunEvents['event']>(), snapshot: new Set<RunEvents['snapshot']>() };
  readonly #undo: (() => void)[];
  readonly #ready = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<{ code: number }>();
  #stopping: Promise<void> | undefined;
  #cancelBeat: (() => void) | undefined;
  #beats = 0;
  /** As they were shown last. */
  #rollouts = '';

  constructor(options: RunningOptions) {
    this.#options = options;
    this.#undo = options.cleanUp;
    this.ready = this.#ready.promise;
    this.closed = this.#closed.promise;
    // Nobody has to listen; `closed` tells the code too.
    this.ready.catch(() => {});
    const onExit = () => {
      this.#kill();
      this.#cleanUp();
    };
    process.on('exit', onExit);
    this.#undo.unshift(() => process.off('exit', onExit));
  }

  get deployments() {
    return this.#supervisors.map(({ document, doors: { http, grpc } }) => ({
      name: document.metadata.name,
      url: urlOf(http),
      entryPort: http.port,
      ...(grpc && { grpc: authorityOf(grpc) }),
    }));
  }

  /** Before `begin`. */
  add(file: SourceFile, supervisors: readonly Supervisor[], watch: boolean): void {
    this.#supervisors.push(...supervisors);
    if (!watch) return;
    const each = (then: (supervisor: Supervisor, say: Say) => void) => {
      for (const supervisor of supervisors) then(supervisor, this.sayFor(supervisor.document.metadata.name));
    };
    const onText = (text: string) => {
      try {
        const documents = readEdit(file, text);
        each((supervisor, say) => edit(file, supervisor, documents, say));
      } catch (error) {
        each((_, say) => say('error', 'file-rejected', `${(error as Error).message}\nWhat was served goes on.`));
      }
    };
    const onGone = ({ message }: Error) =>
      each((_, say) =>
        say('warn', 'file-rejected', `${file.name} cannot be read (${message}); what was served goes on`),
      );
    this.#undo.unshift(watchFile({ file: file.path, text: file.text, clock: this.#options.clock, onText, onGone }));
  }

  begin(): void {
    if (this.#stopping) return;
    for (const supervisor of this.#supervisors) supervisor.begin();
    this.#beat();
  }

  on<K extends keyof RunEvents>(name: K, listener: RunEvents[K]): () => void {
    const listeners = this.#listeners[name] as Set<RunEvents[K]>;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  snapshot(): Snapshot {
    return { time: this.#time(), deployments: this.#supervisors.map(viewOf) };
  }

  stop(): Promise<void> {
    if (this.#stopping) this.#kill();
    else this.#stopping = this.#end(0);
    return this.#stopping;
  }

  sayFor(deployment: string): Say {
    return (level, type, message, version) => {
      const event: LocalEvent = {
        time: this.#time(),
        level,
        deployment,
        ...(version !== undefined && { version }),
        type,
        message,
      };
      for (const listener of this.#listeners.event) listener(event);
    };
  }

  /** Reports are read, numbers are shown, and the beginning is judged. */
  #beat(): void {
    this.#cancelBeat = this.#options.clock.after(BEAT_MS, async () => {
      await Promise.all(this.#supervisors.map((supervisor) => supervisor.tick()));
      if (this.#stopping) return;
      this.#show();
      if (this.#supervisors.every(({ settled }) => settled)) this.#ready.resolve();
      const failures = this.#supervisors.map(firstFailures);
      if (failures.every((causes) => causes.length > 0)) this.#giveUp(failures.flat());
      else this.#beat();
    });
  }

  #show(): Snapshot {
    const snapshot = this.snapshot();
    const rollouts = JSON.stringify(snapshot.deployments.map(({ rollout }) => rollout));
    const moves = rollouts !== this.#rollouts || snapshot.deployments.some(({ rollout }) => isWalking(rollout));
    if (this.#beats++ % STATUS_EVERY_BEATS === 0 || moves) this.#keep(snapshot);
    this.#rollouts = rollouts;
    for (const listener of this.#listeners.snapshot) listener(snapshot);
    return snapshot;
  }

  #keep(snapshot: Snapshot): void {
    try {
      if (this.#options.statusFile) writeJson(this.#options.statusFile, snapshot);
    } catch {
      // A full disk must not end what is served; the next one may fit.
    }
  }

  #giveUp(causes: readonly string[]): void {
    const error = new LocalError('NOTHING_TO_SERVE', `no version could be loaded:\n${causes.join('\n')}`);
    this.#ready.reject(error);
    this.#kill();
    this.#stopping = this.#end(error.exitCode);
  }

  async #end(code: number): Promise<void> {
    this.#cancelBeat?.();
    await Promise.all(this.#supervisors.map((supervisor) => supervisor.stop()));
    this.#beats = 0;
    this.#show();
    this.#cleanUp();
    this.#ready.reject(new LocalError('NOTHING_TO_SERVE', 'stopped before it served'));
    this.#closed.resolve({ code });
  }

  #cleanUp(): void {
    for (const undo of this.#undo) undo();
  }

  #kill(): void {
    for (const supervisor of this.#supervisors) supervisor.kill();
  }

  #time(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }
}

function edit(file: SourceFile, supervisor: Supervisor, documents: SourceFile['documents'], say: Say): void {
  const next = documents.find(({ metadata }) => metadata.name === supervisor.document.metadata.name);
  if (!next || sameJson(next.spec, supervisor.document.spec)) return;
  try {
    supervisor.accept(next, file.name);
  } catch (error) {
    if (!(error instanceof LocalError)) throw error;
    say('error', 'file-rejected', `${file.name}: ${error.message}\nWhat was served goes on.`);
  }
}
