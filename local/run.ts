/** `modelship run` as a library: files in, processes and a public door out. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { speaksGrpc } from './accept.ts';
import { type Clock, realClock } from './clock.ts';
import { LocalError } from './errors.ts';
import { checkVolumes, readFiles, type SourceFile } from './files.ts';
import { bindDoor, type PublicDoors } from './listen-handle.ts';
import { ChildRuntime } from './process.ts';
import { prometheusAt } from './prometheus.ts';
import { readReport } from './report-reader.ts';
import { type LocalRun, Running } from './running.ts';
import { DeploymentState, lockFolder } from './state.ts';
import { Supervisor } from './supervisor.ts';

export type { LocalRun, RunEvents } from './running.ts';

export interface RunOptions {
  /** YAML files, each with one or more ModelDeployments. */
  files: readonly string[];
  host: string;
  /** Port of the first ModelDeployment, gRPC is at the next; a second one has `port + 10`, and so on. 0: free ones. */
  port: number;
  /** Folder by claim name, for `pvc://CLAIM/PATH`. */
  volumes: Readonly<Record<string, string>>;
  /** Where tables, accepted specs and status survive a restart. A temporary folder unless given. */
  stateDir?: string;
  /** URL of a Prometheus, for `prometheus:` checks of a rollout. */
  prometheus?: string;
  /** Whether edits of the files are applied. On unless told otherwise. */
  watch?: boolean;
  /** Log level of the runtime processes, whose output is appended to files in the state folder; default `warn`. */
  logLevel?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
}

/** What a test replaces. */
export interface RunDeps {
  clock: Clock;
  /** 0 ≤ x < 1. */
  random(): number;
  /** Script of the runtime. */
  script: string;
}

const realDeps: RunDeps = {
  clock: realClock,
  random: Math.random,
  script: fileURLToPath(new URL('../runtime/main.ts', import.meta.url)),
};

/** Room between two ModelDeployments' ports, for the other protocols of each. */
const PORT_STEP = 10;

/**
 * Starts serving. Resolves when the public doors are bound, before any process is started, so that a listener added at
 * once misses nothing; `ready` tells when the stated split serves.
 * @throws LocalError for bad files, volumes, state folders and addresses
 */
export async function runLocal(options: RunOptions, deps: Partial<RunDeps> = {}): Promise<LocalRun> {
  const all = { ...realDeps, ...deps };
  const files = readFiles(options.files);
  const volumes = checkVolumes(options.volumes);
  const prometheus = options.prometheus === undefined ? undefined : prometheusAt(options.prometheus);
  const cleanUp: (() => void)[] = [];
  try {
    const folder = stateFolder(options.stateDir, cleanUp);
    const doors = await bindDoors(files, options, cleanUp);
    const running = new Running({
      ...all,
      statusFile: options.stateDir ? join(folder, 'status.json') : undefined,
      cleanUp,
    });
    for (const file of files) {
      const supervisors = file.documents.map((document) => {
        const { name } = document.metadata;
        const state = new DeploymentState(join(folder, name));
        return new Supervisor({
          ...all,
          document,
          state,
          prometheus,
          doors: doors.get(name) as PublicDoors,
          settings: { places: { volumes, base: file.folder }, logLevel: options.logLevel ?? 'warn' },
          say: running.sayFor(name),
          start: starter(state, all),
        });
      });
      running.add(file, supervisors, options.watch ?? true);
    }
    setImmediate(() => running.begin());
    return running;
  } catch (error) {
    for (const undo of cleanUp) undo();
    throw error;
  }
}

function stateFolder(stateDir: string | undefined, cleanUp: (() => void)[]): string {
  if (stateDir === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'modelship-'));
    cleanUp.push(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }
  const folder = resolve(stateDir);
  cleanUp.push(lockFolder(folder));
  return folder;
}

async function bindDoors(files: readonly SourceFile[], { host, port }: RunOptions, cleanUp: (() => void)[]) {
  const doors = new Map<string, PublicDoors>();
  const bind = async (at: number) => {
    const door = await bindDoor(host, port === 0 ? 0 : at);
    cleanUp.push(() => door.close());
    return door;
  };
  for (const [i, { metadata, spec }] of files.flatMap((file) => file.documents).entries()) {
    const first = port + i * PORT_STEP;
    const http = await bind(first);
    const grpc = speaksGrpc(spec) ? await bind(first + 1).catch(withGrpcHint) : undefined;
    doors.set(metadata.name, { http, ...(grpc && { grpc }) });
  }
  return doors;
}

function withGrpcHint(error: unknown): never {
  if (!(error instanceof LocalError)) throw error;
  const hint = '(gRPC has the port after the one of --port; without grpc in serving.protocols none is needed)';
  throw new LocalError(error.code, `${error.message} ${hint}`);
}

function starter(state: DeploymentState, { clock, script }: RunDeps) {
  let started = 0;
  return (launch: ChildRuntime['launch'], onChange: () => void) => {
    started++;
    const terminationLog = join(state.logs, `${launch.version}-${started}.last-words`);
    const logFile = join(state.logs, `${launch.version}.log`);
    return new ChildRuntime({ launch: { ...launch, terminationLog }, script, logFile, clock, readReport, onChange });
  };
}
